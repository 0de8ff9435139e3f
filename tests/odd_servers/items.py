"""What breaks other clients, item by item, and the tests that show that it does not break this one.

A test is named by its file under ``tests`` and its name there. ``test_items`` checks that each exists.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEAD: Final = "odd_servers/test_dead_networks.py::"
_BUSY: Final = "odd_servers/test_busy_connections.py::"
_NAMED: Final = "odd_servers/test_named_servers.py::"
_QUIRK: Final = "imap_wire/test_quirks.py::test_quirk_"
_CLIENT: Final = "imap_connection/test_async_client.py::"
_CONNECTION: Final = "imap_connection/test_connection.py::"
_FRAMING: Final = "imap_wire/test_framing.py::"

ITEMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "hanging IDLE after a cut network": (
            _DEAD + "test_a_network_cut_before_idle_ends_the_wait",
            _DEAD + "test_a_network_cut_within_idle_is_noticed_when_idle_is_renewed",
            _CLIENT + "test_idle_over_a_cut_network_ends_in_time",
        ),
        "BYE instead of +": (
            _DEAD + "test_bye_instead_of_plus_ends_the_command",
            _CLIENT + "test_idle_that_never_begins_ends_in_connection_lost",
        ),
        "half-open sockets": (_DEAD + "test_a_half_open_socket_is_given_up_at_the_deadline",),
        "a plain client on a TLS port": (_DEAD + "test_a_plain_client_on_a_tls_port_is_told_so",),
        "a command inside a fetch loop": (
            _BUSY + "test_a_command_may_be_run_for_each_message_of_a_fetch",
            "client/test_blocking_content.py::test_commands_inside_both_loops_and_early_ends",
            _CLIENT + "test_a_command_inside_a_fetch_loop_is_no_problem",
        ),
        "breaking out of a fetch loop early": (
            _BUSY + "test_a_fetch_that_is_left_early_leaves_the_connection_usable",
            _CLIENT + "test_a_cancelled_command_leaves_the_connection_usable",
        ),
        "two tasks on one connection": (
            _BUSY + "test_two_tasks_share_a_connection_and_each_gets_its_own_answer",
            _CLIENT + "test_two_tasks_share_one_connection",
        ),
        "both socket buffers full at once": (
            _DEAD + "test_both_socket_buffers_full_at_once_block_nobody",
            _CLIENT + "test_full_buffers_in_both_directions_do_not_block_reading",
        ),
        "an unsolicited FETCH inside a FETCH": (
            _BUSY + "test_an_unsolicited_fetch_inside_a_fetch_is_not_taken_for_an_answer",
            _CONNECTION + "test_an_unsolicited_fetch_inside_a_fetch_is_nobodys_and_news",
        ),
        "thousands of response lines in one chunk": (
            _BUSY + "test_thousands_of_lines_in_one_chunk_are_all_read",
            _CLIENT + "test_thousands_of_responses_in_one_chunk",
        ),
        "literals that announce 2^63 bytes": (
            _BUSY + "test_a_literal_of_2_to_the_63_ends_the_connection_at_once",
            _FRAMING + "test_a_huge_literal_is_refused_before_a_byte_of_it_arrives",
        ),
        "SEARCH lines of megabytes": (_BUSY + "test_a_search_line_of_megabytes_is_read",),
        "UID sets of 100,000 members, cut by bytes": (
            _NAMED + "test_a_hundred_thousand_uids_are_cut_by_bytes_for_each_kind_of_server",
            _NAMED + "test_scattered_uids_are_cut_to_the_lines_that_the_server_takes",
            _NAMED + "test_both_clients_and_procedures_cut_what_they_send",
            "imap_wire/test_quirks.py::test_sets_are_cut_for_the_server_at_hand",
        ),
        "BAD User is authenticated but not connected": (
            _QUIRK + "backend_lost",
            _NAMED + "test_a_lost_backend_costs_the_connection_and_nothing_hangs",
        ),
        "BADCHARSET": (_QUIRK + "badcharset_utf_8",),
        "names with &-": (
            _NAMED + "test_a_name_with_an_ampersand_reaches_a_server_that_never_answers_the_quoted_form",
            "imap_wire/test_writer.py::test_a_name_with_an_ampersand_is_never_quoted",
        ),
        "raw 8-bit in names": (
            _QUIRK + "raw_mailbox_name",
            "imap_wire/test_writer.py::test_a_server_sees_its_own_odd_name_again",
        ),
        "broken modified UTF-7 in names": (
            "imap_wire/test_mailbox_name.py::test_a_name_that_is_not_well_formed_is_written_back_as_it_came",
        ),
        "tags never sent": (
            _CONNECTION + "test_tags_that_were_never_sent_change_nothing",
            _CLIENT + "test_a_tag_that_was_never_sent_does_not_count_as_a_reply",
        ),
        "response codes without text": (_QUIRK + "missing_text",),
        "text without a code": (_QUIRK + "status_text_ends_like_a_literal",),
        "a bare BYE": (_QUIRK + "missing_text",),
        "trailing spaces": (_QUIRK + "trailing_space",),
        "doubled spaces": (_QUIRK + "doubled_space",),
        "an extra blank line after a literal": (_QUIRK + "blank_line_after_literal",),
        "NIL where a string, a list or a number should be": (_QUIRK + "nil_for_list", _QUIRK + "boundary_nil"),
        "ENVELOPE with missing fields": (
            _QUIRK + "envelope_missing_fields",
            _QUIRK + "envelope_short_address",
            _QUIRK + "envelope_empty_list",
        ),
        "ENVELOPE with flipped fields": (_QUIRK + "flipped_fields",),
        "BODYSTRUCTURE as mail.ru writes it": (_QUIRK + "boundary_nil", _QUIRK + "message_without_envelope"),
        "BODYSTRUCTURE as Exchange writes it": (_QUIRK + "disposition_string", _QUIRK + "multipart_as_single_part"),
        "BODYSTRUCTURE as Gmail writes it": (_QUIRK + "multipart_without_parts", _QUIRK + "message_without_envelope"),
        "BODYSTRUCTURE and content as Yandex writes it": (_QUIRK + "missing_content",),
        "numbers like 1.86e+06": (_QUIRK + "float_size",),
        "numbers like -1": (_QUIRK + "negative_size",),
        "ENABLE without ENABLED (iCloud)": (
            _QUIRK + "enable_without_enabled",
            _NAMED + "test_icloud_enables_without_a_word_and_gives_the_whole_message",
        ),
        "empty RFC822 (iCloud)": (
            _QUIRK + "content_left_out",
            _NAMED + "test_icloud_enables_without_a_word_and_gives_the_whole_message",
        ),
        "BYE for ever without a tagged reply (Yandex)": (
            _QUIRK + "bye_without_reply",
            _DEAD + "test_bye_for_ever_ends_the_connection_at_the_first_one",
        ),
        "LIST RETURN that answers nothing (strato)": (_NAMED + "test_strato_is_asked_again_without_return",),
        "ID demanded before login succeeds (163.com)": (
            _QUIRK + "id_wanted_first",
            _NAMED + "test_163_is_told_by_id_who_we_are_before_and_after_the_login",
        ),
        "capabilities that change after login": (
            _CONNECTION + "test_capabilities_that_come_with_the_login_replace_the_old_ones",
        ),
        "capabilities that arrive untagged before the OK (Gmail)": (
            _QUIRK + "capability_before_ok",
            _NAMED + "test_gmail_needs_no_second_question_for_its_capabilities",
        ),
        "descending ranges refused (hMailServer)": (
            _QUIRK + "descending_range_refused",
            _NAMED + "test_hmailserver_never_sees_a_descending_range",
        ),
        "NAMESPACE that drops the connection (Exchange 2003)": (
            _QUIRK + "namespace_drops",
            _NAMED + "test_exchange_2003_is_never_asked_for_its_namespaces",
        ),
    }
)
