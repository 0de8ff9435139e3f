"""Which single requirements make up each row of the security table, and which tests show each?

A test id names a function, for all its parameters. ``open`` says what is not there yet, so that nobody takes the row
for complete; the page docs/explanation/security.md says the same to users.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence that has to be true, and the tests that fail when it is not."""

    says: str
    tests: tuple[str, ...] = ()
    open: str = ""


def needs(says: str, *tests: str, open: str = "") -> Requirement:  # noqa: A002 -- reads as a sentence
    """A requirement, written in one line."""
    return Requirement(says, tests, open)


_CONNECT = "tests/client/test_connect.py::"
_STREAM = "tests/client/test_stream.py::"
_LOGIN = "tests/client/test_login.py::"
_WRITER = "tests/imap_wire/test_writer.py::"
_FRAMING = "tests/imap_wire/test_framing.py::"
_TOO_COMPLEX = "tests/security/test_too_complex.py::"
_AMBIGUOUS = "tests/security/test_ambiguous.py::"
_BLAST_RADIUS = "tests/security/test_blast_radius.py::"
_KILL_SWITCH = "tests/security/test_kill_switch.py::"
_CREDENTIALS = "tests/client/test_credentials.py::"
_PLUGINS = "tests/plugins/test_plugin_manager.py::"
_MEMORY = "tests/security/test_process_memory.py::"
_ATTACHMENTS = "tests/outbox/test_attachments.py::"
_ODD_FILES = "tests/security/test_odd_rule_files.py::"
_WHOLE_PATH = "tests/hostile_mail/test_whole_path.py::"
_CACHE = "tests/cache/test_fact_cache.py::"
_BAD_INPUT = "tests/end_to_end/test_bad_input.py::"

ROWS: dict[str, tuple[Requirement, ...]] = {
    "password in the clear": (
        needs(
            "implicit TLS is the default, and is verified",
            "tests/rules/test_accounts.py::test_a_short_account_has_the_usual_settings",
            _STREAM + "test_implicit_tls_is_verified_against_ca_file",
            _STREAM + "test_an_unknown_authority_is_told_with_ca_file_as_the_cure",
            _STREAM + "test_a_certificate_for_another_name_is_told_with_both",
            _BAD_INPUT + "test_a_certificate_of_an_unknown_authority_is_refused",
        ),
        needs(
            "a plain connection only to this machine, or by name for that account",
            _STREAM + "test_without_tls_only_loopback_is_connected_to",
            _STREAM + "test_insecure_by_name_allows_other_hosts",
            _STREAM + "test_loopback_is_localhost_or_a_literal_address",
            "tests/client/test_proxy.py::test_a_localhost_behind_another_machines_proxy_is_not_this_machine",
        ),
        needs(
            "STARTTLS is refused if anything follows its OK",
            "tests/outbox/test_login.py::test_what_comes_in_the_clear_behind_the_leave_for_tls_ends_the_connection",
            _CONNECT + "test_bytes_behind_starttls_ok_are_refused",
            "tests/imap_connection/test_connection.py::test_bytes_behind_the_ok_of_starttls_end_the_connection",
            "tests/imaplib/test_wire.py::test_bytes_behind_starttls_end_the_connection",
        ),
        needs(
            "an OK that comes before STARTTLS was sent counts for nothing",
            "tests/imap_connection/test_connection.py::test_an_ok_for_starttls_before_it_was_sent_is_disregarded",
        ),
        needs(
            "STARTTLS is demanded although the capability has vanished",
            _CONNECT + "test_starttls_is_demanded_even_if_the_offer_has_vanished",
            _CONNECT + "test_a_refused_starttls_ends_the_connection",
        ),
        needs(
            "what was told before STARTTLS is forgotten",
            _CONNECT + "test_starttls_forgets_what_was_told_before_it",
        ),
        needs(
            "PREAUTH without TLS is refused",
            _CONNECT + "test_preauth_without_tls_is_refused",
            _CONNECT + "test_starttls_after_preauth_is_refused",
        ),
        needs("LOGINDISABLED is obeyed", _CONNECT + "test_logindisabled_is_obeyed"),
        needs(
            "no downgrade from SCRAM once seen, and a refused SCRAM is not followed by PLAIN",
            _LOGIN + "test_a_server_that_offered_scram_is_not_told_the_password_later",
            _LOGIN + "test_a_weaker_login_than_the_one_before_is_refused_before_anything_is_sent",
            _LOGIN + "test_a_refused_scram_is_not_followed_by_plain",
        ),
        needs(
            "SCRAM iterations are capped",
            "tests/client/test_scram.py::test_a_first_message_that_cannot_be_trusted_cancels",
            "tests/client/test_scram.py::test_the_most_iterations_are_still_accepted",
        ),
        needs(
            "a server that cannot prove that it knows the password is left",
            _LOGIN + "test_a_server_with_a_false_proof_is_left",
        ),
    ),
    "command injection": (
        needs(
            "CR, LF and NUL never pass outside literals",
            _WRITER + "test_line_ends_and_nul_never_pass",
            _WRITER + "test_no_string_adds_a_line_or_an_argument",
            "tests/imaplib/test_dovecot.py::test_line_ends_and_nul_are_refused_and_nothing_is_sent",
        ),
        needs("what has no safe form is refused", _WRITER + "test_what_has_no_form_is_refused"),
        needs(
            "literals do not wait only where the server says so",
            _WRITER + "test_literals_wait_unless_the_server_said_otherwise",
            "tests/imap_connection/test_connection.py::test_literals_wait_unless_the_server_allows_otherwise",
        ),
        needs(
            "a proxy's host cannot become protocol", "tests/client/test_proxy.py::test_a_host_cannot_become_protocol"
        ),
        needs(
            "a stranger's text stays behind the literal beginning of a mailbox's name",
            "tests/plan/test_planner.py::test_a_strangers_text_stays_behind_the_literal_prefix",
            "tests/rules/test_templates.py::test_values_of_strangers_are_cleaned",
            "tests/rules/test_templates.py::test_the_delimiter_of_the_server_is_cleaned_too",
        ),
    ),
    "memory and CPU bombs": (
        needs(
            "each limit holds at its number",
            _TOO_COMPLEX + "test_the_limits_are_those_that_the_page_names",
            "tests/imap_wire/test_limits.py::test_a_limit_holds_at_its_number",
            "tests/imap_wire/test_limits.py::test_every_limit_is_tested",
            _FRAMING + "test_each_limit_holds_at_its_number",
            "tests/mailbox/test_headers.py::test_the_limit_of_encoded_words_is_exact",
            "tests/mailbox/test_address.py::test_the_limit_of_addresses_is_exact",
            "tests/mailbox/test_snapshot.py::test_the_limit_of_header_bytes_is_exact",
            "tests/imap_wire/test_body_structure.py::test_parts_are_counted_against_the_limit",
            "tests/imap_wire/test_body_structure.py::test_nesting_is_counted_against_the_limit",
            "tests/client/test_fetching.py::test_all_text_of_a_message_together_is_limited",
        ),
        needs(
            "lines and literals are not held on the server's word",
            _FRAMING + "test_an_endless_line_is_refused_while_it_arrives",
            _FRAMING + "test_a_huge_literal_is_refused_before_a_byte_of_it_arrives",
            _FRAMING + "test_a_response_is_limited_over_all_its_literals",
        ),
        needs(
            "over a limit is the verdict too_complex: no action, reported",
            _TOO_COMPLEX + "test_no_rule_acts_not_even_one_that_stands_before",
            _TOO_COMPLEX + "test_at_the_limit_the_rules_act",
            _TOO_COMPLEX + "test_it_is_final_since_judging_it_again_would_say_the_same",
            _TOO_COMPLEX + "test_a_structure_beyond_the_clients_limits_is_too_complex",
        ),
        needs(
            "every hostile mail is judged in 2 seconds and 256 MiB, twice alike",
            "tests/hostile_mail/test_bounds.py::test_it_is_judged_without_an_exception_in_bounded_time_and_memory",
            "tests/hostile_mail/test_bounds.py::test_every_mail_gets_the_same_verdict_twice",
            "tests/hostile_mail/test_bounds.py::test_the_limits_stop_what_passes_them",
        ),
        needs(
            "a message of a thousand parts takes few commands",
            "tests/client/test_fetching.py::test_a_message_of_a_thousand_text_parts_takes_few_commands_that_fit_the_line",
        ),
        needs(
            "deadlines are for a whole command",
            "tests/imap_connection/test_async_client.py::"
            "test_a_trickle_of_bytes_does_not_keep_the_deadline_from_striking",
            "tests/client/test_blocking_client.py::test_a_trickle_does_not_keep_the_deadline_from_striking",
            "tests/imap_connection/test_async_client.py::test_a_greeting_that_trickles_ends_in_time",
        ),
        needs(
            "regexes run in linear time",
            "tests/judging/test_patterns.py::test_evil_patterns_take_linear_time",
            "tests/judging/test_patterns.py::test_without_re2_the_fallback_gives_up_in_time_and_says_so",
        ),
        needs(
            "parsers of mail run in linear time",
            "tests/mailbox/test_address.py::test_hostile_values_take_linear_time",
            "tests/mailbox/test_headers.py::test_hostile_values_take_linear_time",
            "tests/mailbox/test_body.py::test_hostile_html_takes_linear_time",
            "tests/mailbox/test_text.py::test_composing_a_long_run_of_marks_takes_linear_time",
            "tests/imap_wire/test_parser.py::test_hostile_lines_cost_linear_time",
        ),
        needs(
            "the ratio of COMPRESS is capped",
            _STREAM + "test_a_compression_bomb_comes_in_bounded_pieces_and_then_ends_the_connection",
            "tests/client/test_compression.py::test_output_may_run_ahead_of_its_input_by_the_slack_and_no_further",
        ),
    ),
    "data not asked for": (
        needs(
            "it changes the model only",
            "tests/imap_connection/test_connection.py::test_an_unsolicited_fetch_inside_a_fetch_is_nobodys_and_news",
            "tests/imap_connection/test_connection.py::test_tags_that_were_never_sent_change_nothing",
            "tests/odd_servers/test_busy_connections.py::"
            "test_an_unsolicited_fetch_inside_a_fetch_is_not_taken_for_an_answer",
        ),
        needs(
            "COPYUID is checked for size and membership",
            "tests/imap_connection/test_commands.py::test_a_copyuid_that_does_not_fit_confirms_nothing",
            "tests/imap_wire/test_parser.py::test_a_copyuid_is_read_up_to_its_limit",
        ),
        needs(
            "a run names messages by UID only",
            "tests/security/test_commands.py::test_a_run_and_its_undo_never_name_a_message_by_its_sequence_number",
        ),
    ),
    "parser disagreement, spoofing": (
        needs(
            "auth reads only the configured authserv-ids",
            "tests/judging/test_auth_tests.py::test_the_topmost_field_of_a_server_that_we_believe_counts",
            "tests/judging/test_auth_tests.py::test_whoever_believes_nobody_knows_nothing",
        ),
        needs(
            "duplicate fields, defects and broken structure make a message ambiguous, which rules can test",
            _AMBIGUOUS + "test_each_field_may_stand_once",
            _AMBIGUOUS + "test_an_author_is_ambiguous_where_programs_may_disagree",
            _AMBIGUOUS + "test_a_multipart_without_a_boundary_is_ambiguous",
            _AMBIGUOUS + "test_rules_can_ask_for_it",
        ),
        needs(
            "destructive rules refuse it by default",
            _AMBIGUOUS + "test_no_rule_throws_it_away_by_itself",
            _AMBIGUOUS + "test_a_rule_that_asks_for_it_may_throw_it_away",
        ),
    ),
    "forwarded mail": (
        needs(
            "what may have gone out is never sent again",
            "tests/outbox/test_smtp_faults.py::test_after_a_lost_reply_to_the_dot_it_is_unknown_and_never_repeated",
            "tests/outbox/test_whole_way.py::"
            "test_the_program_is_killed_within_the_conversation_and_nothing_goes_out_twice",
        ),
        needs(
            "CRLF canonical, dots stuffed, bare CR refused",
            "tests/outbox/test_exim.py::test_a_dot_on_a_line_of_its_own_smuggles_no_second_mail",
            "tests/outbox/test_what_goes_out.py::test_what_smtp_must_not_carry_is_not_forwarded",
            "tests/outbox/test_what_goes_out.py::"
            "test_any_cut_gives_the_same_canonical_lines_and_no_dot_ends_them_early",
        ),
        needs(
            "addresses are strict and headers built anew",
            "tests/outbox/test_what_goes_out.py::test_an_address_that_is_not_plain_is_never_written",
            "tests/outbox/test_what_goes_out.py::test_no_text_breaks_out_of_its_field",
            "tests/outbox/test_what_goes_out.py::test_an_answer_is_built_anew_from_a_hostile_mail",
        ),
        needs(
            "loop mark, RFC 3834, at most 30 Received, never to lists or null senders",
            "tests/outbox/test_automatic.py::test_what_is_never_answered",
            "tests/outbox/test_automatic.py::test_what_is_never_forwarded",
            "tests/outbox/test_outbox.py::test_our_own_forward_that_comes_round_is_not_forwarded_again",
        ),
        needs(
            "caps for each rule, recipient and hour",
            "tests/outbox/test_outbox.py::test_a_cap_holds_the_excess_and_lets_it_out_later",
            "tests/journal/test_deliveries.py::"
            "test_each_cap_holds_what_is_above_it_and_lets_go_when_the_window_has_passed",
        ),
        needs(
            "each way out is granted by name in the main file",
            "tests/rules/test_outbox_actions.py::test_each_action_has_to_be_allowed_by_its_name_in_the_main_file",
            "tests/rules/test_outbox_actions.py::test_an_included_file_grants_no_way_out",
            "tests/rules/test_outbox_actions.py::test_a_rule_pack_sends_nothing_even_where_the_main_file_allows_it",
        ),
        needs(
            "a program is started without a shell, and mail is only its input",
            "tests/outbox/test_pipe.py::test_it_gets_the_message_byte_for_byte_and_its_arguments_as_they_stand",
        ),
    ),
    "terminal, log, HTML, CSV injection": (
        needs(
            "one output function removes C0, C1, bidi and invisible characters",
            "tests/cli/test_output.py::test_no_control_format_or_surrogate_character_passes_the_cleaning",
            "tests/cli/test_output.py::test_an_escape_sequence_loses_its_power",
            "tests/cli/test_output.py::test_line_breaks_become_one_space_so_that_a_line_stays_a_line",
        ),
        needs("mail is never read as markup", "tests/cli/test_output.py::test_a_cell_is_never_read_as_markup"),
        needs("JSON is ASCII", "tests/cli/test_output.py::test_json_is_ascii_so_that_nothing_in_it_steers_a_terminal"),
        needs(
            "errors are cleaned",
            "tests/cli/test_main.py::test_an_error_message_is_cleaned_of_what_could_steer_a_terminal",
            "tests/client/test_proxy.py::test_each_http_refusal_is_told_without_control_characters",
        ),
        needs(
            "every command shows hostile mail clean",
            _WHOLE_PATH + "test_every_mail_is_looked_at_explained_acted_on_and_taken_back",
        ),
        needs(
            "a server's own words and names are shown clean",
            "tests/security/test_hostile_server.py::test_names_of_mailboxes_and_refusals_are_shown_clean",
        ),
        needs(
            "transcripts show control and 8-bit bytes escaped",
            "tests/client/test_transcript.py::test_control_and_eight_bit_bytes_are_shown_escaped",
        ),
    ),
    "the cache": (
        needs(
            "its owner's alone",
            _CACHE + "test_what_is_kept_is_its_owners_alone",
            _CACHE + "test_a_file_that_others_could_read_is_closed",
        ),
        needs(
            "what others could have written, or has been spoilt, is not believed",
            _CACHE + "test_a_spoilt_file_costs_a_fetch_and_is_made_anew",
            _CACHE + "test_no_byte_can_be_wrong_unseen",
        ),
        needs(
            "cache: none keeps nothing, and takes away what was kept",
            _CACHE + "test_an_account_that_may_keep_nothing_writes_nothing",
            _CACHE + "test_what_was_kept_goes_when_it_may_not_be_kept_any_more",
        ),
        needs(
            "what is of no use any more goes",
            _CACHE + "test_the_facts_of_a_mailbox_that_is_gone_go_and_so_do_old_ones",
            _CACHE + "test_what_was_not_read_for_longest_makes_room",
        ),
    ),
    "files": (
        needs(
            "a saved plan is private",
            "tests/cli/test_whole_job.py::test_a_saved_plan_is_private_applied_once_and_then_stale",
        ),
        needs(
            "the journal is private",
            "tests/journal/test_database.py::test_a_readable_file_of_ours_is_made_private_again",
        ),
        needs(
            "names from mail are never paths, and what is there is neither opened nor changed",
            _ATTACHMENTS + "test_a_name_from_mail_is_never_a_path",
            _ATTACHMENTS + "test_what_is_there_is_neither_opened_nor_changed",
        ),
        needs(
            "attachments are for their owner alone, in a directory that the main file names",
            _ATTACHMENTS + "test_attachments_are_written_whole_and_for_their_owner_alone",
            _ATTACHMENTS + "test_the_directory_stands_in_the_main_file_and_is_allowed_there",
        ),
    ),
    "SSRF": (
        needs(
            "no private, loopback or link-local address unless named",
            "tests/outbox/test_webhook.py::test_a_private_address_is_not_called_unless_it_is_meant",
        ),
        needs(
            "a name is looked up once, and that address is called",
            "tests/outbox/test_webhook.py::"
            "test_https_is_verified_for_the_name_and_goes_to_the_address_that_was_looked_up",
        ),
        needs("no redirect is followed", "tests/outbox/test_webhook.py::test_each_status_has_its_state"),
        needs(
            "hosts come from the configuration, never from mail",
            "tests/rules/test_outbox_actions.py::test_an_included_file_names_no_program_and_no_url",
        ),
        needs(
            "a name is resolved by the proxy where there is one, never by both",
            "tests/client/test_proxy.py::test_socks5_lets_the_proxy_look_the_name_up",
        ),
    ),
    "secrets": (
        needs(
            "references only, and a file must be ours and private",
            _CREDENTIALS + "test_a_file_that_others_may_read_or_write_is_refused_with_the_cure",
            _CREDENTIALS + "test_a_device_is_no_secret_file",
        ),
        needs(
            "redacted in transcripts by the command that carries them",
            _CONNECT + "test_the_transcript_of_a_login_shows_everything_but_the_secret",
            "tests/client/test_transcript.py::test_what_the_client_marks_as_secret_is_not_kept",
            "tests/client/test_transcript.py::test_every_login_of_a_long_connection_is_redacted",
            "tests/client/test_transcript.py::test_a_secret_that_the_length_limit_cuts_in_two_is_not_shown_in_half",
        ),
        needs(
            "a server that repeats the password does not make us show it",
            _CONNECT + "test_a_server_that_repeats_the_password_does_not_make_us_show_it",
            "tests/client/test_transcript.py::test_a_server_that_repeats_the_password_does_not_reveal_it",
            "tests/client/test_proxy.py::test_a_proxy_that_repeats_the_credentials_does_not_reveal_them",
        ),
        needs(
            "not in logs, errors and tracebacks",
            "tests/cli/test_logs.py::test_a_secret_is_hidden_at_any_depth",
            "tests/cli/test_logs.py::test_an_exception_is_logged_with_its_traceback_and_without_local_values",
            _CREDENTIALS + "test_what_cannot_be_a_secret_is_refused_without_being_shown",
        ),
        needs(
            "in no argument or variable of a process, and in no core dump",
            _MEMORY + "test_a_run_that_has_sent_its_password_shows_it_in_no_argument_and_leaves_no_core",
            _MEMORY + "test_the_process_is_left_out_of_core_dumps_that_go_to_a_program",
        ),
        needs(
            "tokens are asked for anew for each connection, and no refresh token is held",
            _MEMORY + "test_a_secret_is_asked_for_anew_for_each_connection_and_none_is_kept",
        ),
    ),
    "state and rules": (
        needs(
            "rule files and state that others can write to are refused",
            "tests/cli/test_whole_job.py::test_what_others_could_write_or_replace_is_refused_before_a_rule_is_read",
            "tests/cli/test_whole_job.py::test_state_that_others_could_write_is_refused",
            "tests/journal/test_database.py::test_a_file_that_others_can_write_is_refused",
            "tests/journal/test_damage.py::test_a_directory_that_others_can_write_is_refused",
        ),
        needs(
            "the loader takes no tags, anchors or aliases",
            "tests/rules/test_sources.py::test_surprises_of_yaml_are_errors_that_do_not_stop_the_reading",
        ),
        needs(
            "size, depth and number of values are limited",
            "tests/rules/test_loader.py::test_the_size_of_a_file_is_limited",
            "tests/rules/test_loader.py::test_the_number_of_included_files_is_limited",
            "tests/rules/test_sources.py::test_depth_is_limited_below_at_and_above",
            "tests/rules/test_sources.py::test_the_number_of_values_is_limited",
            _ODD_FILES + "test_a_file_beyond_the_limit_is_refused_without_being_read_whole",
            _ODD_FILES + "test_bombs_are_mistakes_with_a_place",
        ),
        needs(
            "a pipe or a device is no rule file",
            _ODD_FILES + "test_a_configuration_that_is_no_file_is_refused",
            _ODD_FILES + "test_what_a_configuration_names_is_refused_too",
        ),
    ),
    "status socket, dashboard": (
        needs(
            "an owner-only socket; a dashboard with token and strict CSP", open="there is neither socket nor dashboard"
        ),
    ),
    "plugins": (
        needs(
            "loaded only when the configuration names them",
            _PLUGINS + "test_an_installed_plugin_is_listed_without_being_imported",
            _PLUGINS + "test_a_name_that_is_not_installed_is_an_error_that_lists_what_is",
        ),
        needs(
            "contained",
            _PLUGINS + "test_a_condition_that_fails_or_contradicts_itself_is_unknowable",
            _PLUGINS + "test_an_effect_that_raises_names_the_plugin",
            _PLUGINS + "test_a_plugin_that_fails_in_a_run_event_stops_nothing",
            _PLUGINS + "test_what_a_condition_saw_is_never_worth_an_exception",
        ),
        needs(
            "effects are proposals that the executor checks",
            "tests/execution/test_executor.py::test_an_effect_that_no_plugin_offers_is_left_out",
            _PLUGINS + "test_an_effect_without_a_handler_is_a_diagnostic",
        ),
        needs(
            "a way out of the mailbox is granted by its name, whoever proposes it, a plugin's action too",
            "tests/outbox/test_outbox.py::test_what_is_not_allowed_any_more_is_given_up_without_being_sent",
            _PLUGINS + "test_a_way_out_that_a_plugin_proposes_has_to_be_granted_by_its_name",
        ),
    ),
    "blast radius": (
        needs(
            "a large plan waits for a yes",
            "tests/cli/test_questions.py::test_a_large_plan_waits_for_a_yes",
            "tests/cli/test_questions.py::test_a_plan_that_deletes_waits_for_a_yes_however_small",
            _BLAST_RADIUS + "test_more_than_500_messages_or_a_tenth_is_large",
        ),
        needs(
            "changed rules that touch more than 500 messages or 10 % of a mailbox wait for a yes",
            _BLAST_RADIUS + "test_changed_rules_that_touch_much_are_held_and_stay_pending",
            _BLAST_RADIUS + "test_changed_rules_that_touch_little_act_and_are_known_from_then_on",
            _BLAST_RADIUS + "test_the_daemon_waits_with_a_change_that_touches_much",
            _BLAST_RADIUS + "test_run_once_asks_earlier_where_rules_have_changed",
        ),
        needs(
            "a new rule's first run is a preview unless told otherwise",
            _BLAST_RADIUS + "test_a_new_rule_holds_what_it_touches_and_only_that",
            _BLAST_RADIUS + "test_a_new_rule_that_says_so_acts_at_once",
            _BLAST_RADIUS + "test_the_daemon_previews_a_new_rule_until_it_is_approved",
            _BLAST_RADIUS + "test_what_a_person_has_run_or_approved_is_known",
            _BLAST_RADIUS + "test_applying_a_plan_makes_its_rules_known",
        ),
        needs(
            "a kill switch, looked at before each batch",
            _KILL_SWITCH + "test_what_acts_is_refused_before_a_connection_is_made",
            _KILL_SWITCH + "test_a_run_that_is_under_way_ends_after_the_command_on_its_way",
            _KILL_SWITCH + "test_a_daemon_closes_its_connections_while_it_is_on_and_goes_on_afterwards",
            _KILL_SWITCH + "test_previews_go_on_and_only_read",
            _KILL_SWITCH + "test_the_variable_stops_a_run_too",
        ),
        needs(
            "what a rule may change in an hour is guarded",
            "tests/plan/test_guards.py::test_the_excess_is_held_and_stays_pending",
        ),
    ),
}
"""By threat, as the table of the page has them."""
