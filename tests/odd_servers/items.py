"""What breaks other clients, clause by clause, and the tests that show that it does not break this one.

``WHAT_BREAKS_OTHERS`` is the list as the specification of the client words it. ``ITEMS`` has each of its clauses and
the parts it is made of, with the tests of each part: a test is named by its file under ``tests`` and its name there.
``test_items`` checks that no clause is missing and that each test exists.
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
_VALUES: Final = "odd_servers/test_odd_values.py::"
_BADCHARSET: Final = "odd_servers/test_badcharset.py::"

WHAT_BREAKS_OTHERS: Final = """\
Hanging IDLE after a cut network or a BYE instead of `+`; half-open sockets; a plain client on a TLS port; a command
inside a fetch loop; breaking out of a fetch loop early; two tasks on one connection; both socket buffers full at
once; an unsolicited FETCH inside a FETCH; thousands of response lines in one chunk; literals that announce 2^63
bytes; SEARCH lines of megabytes; UID sets of 100,000 members (cut by bytes: Courier and Gmail 16 kB, Dovecot 64 kB,
UW and Yahoo 1,000 bytes, others 8,000); `BAD User is authenticated but not connected`; BADCHARSET (retry without,
then local); names with `&-` (send as atom or literal, some servers never answer the quoted form); raw 8-bit and
broken modified UTF-7 in names; tags never sent; response codes without text, text without a code, `* BYE` bare,
trailing and doubled spaces, an extra blank line after a literal; NIL where a string, a list or a number should be;
ENVELOPE with missing or flipped fields; BODYSTRUCTURE as mail.ru, Exchange, Gmail and Yandex write it; numbers like
`1.86e+06` and `-1`; ENABLE without ENABLED (iCloud); empty RFC822 (iCloud: ask for BODY.PEEK[]); BYE for ever
without a tagged reply (Yandex); LIST RETURN that answers nothing (strato); ID demanded before login succeeds
(163.com); capabilities that change after login and arrive untagged before the OK (Gmail); descending ranges refused
(hMailServer); NAMESPACE that drops the connection (Exchange 2003).
"""

ITEMS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "Hanging IDLE after a cut network or a BYE instead of `+`": {
            "hanging IDLE after a cut network": (
                _DEAD + "test_a_network_cut_before_idle_ends_the_wait",
                _DEAD + "test_a_network_cut_within_idle_is_noticed_when_idle_is_renewed",
                _CLIENT + "test_idle_over_a_cut_network_ends_in_time",
            ),
            "BYE instead of +": (
                _DEAD + "test_bye_instead_of_plus_ends_the_command",
                _CLIENT + "test_idle_that_never_begins_ends_in_connection_lost",
            ),
        },
        "half-open sockets": {
            "all of it": (_DEAD + "test_a_half_open_socket_is_given_up_at_the_deadline",),
        },
        "a plain client on a TLS port": {
            "all of it": (_DEAD + "test_a_plain_client_on_a_tls_port_is_told_so",),
        },
        "a command inside a fetch loop": {
            "all of it": (
                _BUSY + "test_a_command_may_be_run_for_each_message_of_a_fetch",
                "client/test_blocking_content.py::test_commands_inside_both_loops_and_early_ends",
                _CLIENT + "test_a_command_inside_a_fetch_loop_is_no_problem",
            ),
        },
        "breaking out of a fetch loop early": {
            "all of it": (
                _BUSY + "test_a_fetch_that_is_left_early_leaves_the_connection_usable",
                _CLIENT + "test_a_cancelled_command_leaves_the_connection_usable",
            ),
        },
        "two tasks on one connection": {
            "all of it": (
                _BUSY + "test_two_tasks_share_a_connection_and_each_gets_its_own_answer",
                _CLIENT + "test_two_tasks_share_one_connection",
            ),
        },
        "both socket buffers full at once": {
            "all of it": (
                _DEAD + "test_both_socket_buffers_full_at_once_block_nobody",
                _CLIENT + "test_full_buffers_in_both_directions_do_not_block_reading",
            ),
        },
        "an unsolicited FETCH inside a FETCH": {
            "all of it": (
                _BUSY + "test_an_unsolicited_fetch_inside_a_fetch_is_not_taken_for_an_answer",
                _CONNECTION + "test_an_unsolicited_fetch_inside_a_fetch_is_nobodys_and_news",
            ),
        },
        "thousands of response lines in one chunk": {
            "all of it": (
                _BUSY + "test_thousands_of_lines_in_one_chunk_are_all_read",
                _CLIENT + "test_thousands_of_responses_in_one_chunk",
            ),
        },
        "literals that announce 2^63 bytes": {
            "all of it": (
                _BUSY + "test_a_literal_of_2_to_the_63_ends_the_connection_at_once",
                _FRAMING + "test_a_huge_literal_is_refused_before_a_byte_of_it_arrives",
            ),
        },
        "SEARCH lines of megabytes": {
            "all of it": (_BUSY + "test_a_search_line_of_megabytes_is_read",),
        },
        (
            "UID sets of 100,000 members (cut by bytes: Courier and Gmail 16 kB, Dovecot 64 kB, UW and Yahoo "
            "1,000 bytes, others 8,000)"
        ): {
            "100,000 members": (
                _NAMED + "test_a_hundred_thousand_uids_are_cut_by_bytes_for_each_kind_of_server",
                _NAMED + "test_scattered_uids_are_cut_to_the_lines_that_the_server_takes",
                _NAMED + "test_both_clients_and_procedures_cut_what_they_send",
                "imap_wire/test_quirks.py::test_sets_are_cut_for_the_server_at_hand",
            ),
            "each server by its own limit": (
                "imap_wire/test_quirks.py::test_sets_are_cut_for_the_server_at_hand",
                _NAMED + "test_no_server_is_sent_more_than_it_takes",
            ),
        },
        "`BAD User is authenticated but not connected`": {
            "all of it": (
                _QUIRK + "backend_lost",
                _NAMED + "test_a_lost_backend_costs_the_connection_and_nothing_hangs",
            ),
        },
        "BADCHARSET (retry without, then local)": {
            "retry without": (_QUIRK + "badcharset_utf_8", _BADCHARSET + "test_it_is_asked_again_without_a_charset"),
            "then local": (_BADCHARSET + "test_every_text_is_looked_for_here_as_the_server_would",),
        },
        "names with `&-` (send as atom or literal, some servers never answer the quoted form)": {
            "all of it": (
                _NAMED + "test_a_name_with_an_ampersand_reaches_a_server_that_never_answers_the_quoted_form",
                "imap_wire/test_writer.py::test_a_name_with_an_ampersand_is_never_quoted",
            ),
        },
        "raw 8-bit and broken modified UTF-7 in names": {
            "raw 8-bit in names": (
                _QUIRK + "raw_mailbox_name",
                "imap_wire/test_writer.py::test_a_server_sees_its_own_odd_name_again",
            ),
            "broken modified UTF-7 in names": (
                "imap_wire/test_mailbox_name.py::test_a_name_that_is_not_well_formed_is_written_back_as_it_came",
            ),
        },
        "tags never sent": {
            "all of it": (
                _CONNECTION + "test_tags_that_were_never_sent_change_nothing",
                _CLIENT + "test_a_tag_that_was_never_sent_does_not_count_as_a_reply",
            ),
        },
        (
            "response codes without text, text without a code, `* BYE` bare, trailing and doubled spaces, an "
            "extra blank line after a literal"
        ): {
            "response codes without text": (_QUIRK + "missing_text", _VALUES + "test_a_code_without_text_is_a_code"),
            "text without a code": (
                _QUIRK + "status_text_ends_like_a_literal",
                _VALUES + "test_text_without_a_code_is_text",
            ),
            "a bare BYE": (_QUIRK + "missing_text",),
            "trailing spaces": (_QUIRK + "trailing_space",),
            "doubled spaces": (_QUIRK + "doubled_space",),
            "an extra blank line after a literal": (_QUIRK + "blank_line_after_literal",),
        },
        "NIL where a string, a list or a number should be": {
            "a string": (_QUIRK + "boundary_nil", _VALUES + "test_nil_for_a_string"),
            "a list": (_QUIRK + "nil_for_list",),
            "a number": (_QUIRK + "nil_for_list", _VALUES + "test_nil_for_a_number"),
        },
        "ENVELOPE with missing or flipped fields": {
            "ENVELOPE with missing fields": (
                _QUIRK + "envelope_missing_fields",
                _QUIRK + "envelope_short_address",
                _QUIRK + "envelope_empty_list",
            ),
            "ENVELOPE with flipped fields": (_QUIRK + "flipped_fields",),
        },
        "BODYSTRUCTURE as mail.ru, Exchange, Gmail and Yandex write it": {
            "as mail.ru writes it": (_QUIRK + "boundary_nil", _QUIRK + "message_without_envelope"),
            "as Exchange writes it": (_QUIRK + "disposition_string", _QUIRK + "multipart_as_single_part"),
            "as Gmail writes it": (_QUIRK + "multipart_without_parts", _QUIRK + "message_without_envelope"),
            "as Yandex writes it": (_QUIRK + "missing_content", _QUIRK + "numbers_left_out"),
        },
        "numbers like `1.86e+06` and `-1`": {
            "numbers like 1.86e+06": (_QUIRK + "float_size",),
            "numbers like -1": (_QUIRK + "negative_size",),
        },
        "ENABLE without ENABLED (iCloud)": {
            "all of it": (
                _QUIRK + "enable_without_enabled",
                _NAMED + "test_icloud_enables_without_a_word_and_gives_the_whole_message",
            ),
        },
        "empty RFC822 (iCloud: ask for BODY.PEEK[])": {
            "all of it": (
                _QUIRK + "content_left_out",
                _NAMED + "test_icloud_enables_without_a_word_and_gives_the_whole_message",
            ),
        },
        "BYE for ever without a tagged reply (Yandex)": {
            "all of it": (
                _QUIRK + "bye_without_reply",
                _DEAD + "test_bye_for_ever_ends_the_connection_at_the_first_one",
            ),
        },
        "LIST RETURN that answers nothing (strato)": {
            "all of it": (_NAMED + "test_strato_is_asked_again_without_return",),
        },
        "ID demanded before login succeeds (163.com)": {
            "all of it": (
                _QUIRK + "id_wanted_first",
                _NAMED + "test_163_is_told_by_id_who_we_are_before_and_after_the_login",
            ),
        },
        "capabilities that change after login and arrive untagged before the OK (Gmail)": {
            "capabilities that change after login": (
                _CONNECTION + "test_capabilities_that_come_with_the_login_replace_the_old_ones",
            ),
            "capabilities that arrive untagged before the OK (Gmail)": (
                _QUIRK + "capability_before_ok",
                _NAMED + "test_gmail_needs_no_second_question_for_its_capabilities",
            ),
        },
        "descending ranges refused (hMailServer)": {
            "all of it": (
                _QUIRK + "descending_range_refused",
                _NAMED + "test_hmailserver_never_sees_a_descending_range",
            ),
        },
        "NAMESPACE that drops the connection (Exchange 2003)": {
            "all of it": (
                _QUIRK + "namespace_drops",
                _NAMED + "test_exchange_2003_is_never_asked_for_its_namespaces",
            ),
        },
    }
)
