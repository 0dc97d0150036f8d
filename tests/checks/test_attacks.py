"""The table of hostile input, line by line: which tests send each, or why there is nothing to send it to.

Those of `test_hostile.py` go over a socket, to one worker here and to two in the siege; each asks that nothing is
written, that the service goes on, and that no answer tells of the inside (the last line).
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOSTILE, STREAMS = "contract/test_hostile.py", "contract/test_streams.py"
LIMITS, ENVELOPES, KEYS = (
    "engineering/entries/test_limits.py",
    "envelopes/test_limits.py",
    "core/writing/test_idempotency.py",
)

# line → tests, by file; or the reason
TABLE: dict[int, tuple[str, ...] | str] = {
    1: (f"{HOSTILE}::a_nul_is_refused_wherever_text_goes",),
    2: (f"{HOSTILE}::a_raw_control_byte_is_no_json",),
    3: (f"{HOSTILE}::half_a_surrogate_pair_is_refused_in_values_and_keys",),
    4: (f"{HOSTILE}::what_is_not_utf_8_is_unreadable",),
    5: (f"{HOSTILE}::nan_and_infinity_are_no_json",),
    6: (f"{HOSTILE}::numbers_of_any_size_are_refused_without_being_written_out",),
    7: (f"{HOSTILE}::what_only_looks_like_an_integer_is_refused", f"{HOSTILE}::days_are_quarters_and_nothing_else"),
    8: (f"{HOSTILE}::integers_beyond_bigint_are_refused",),
    9: (f"{HOSTILE}::numbers_of_any_size_are_refused_without_being_written_out",),
    10: (f"{HOSTILE}::what_only_looks_like_an_integer_is_refused",),
    11: (f"{HOSTILE}::days_that_no_calendar_has_are_refused",),
    12: (f"{HOSTILE}::instants_at_the_ends_of_time_are_refused",),
    13: (
        f"{HOSTILE}::a_time_without_its_zone_is_refused_with_a_hint",
        f"{HOSTILE}::the_days_on_which_clocks_change_are_days_like_others",
    ),
    14: (f"{HOSTILE}::the_same_key_twice_is_unreadable",),
    15: (f"{HOSTILE}::deep_nesting_is_refused_before_it_is_built",),
    16: (f"{HOSTILE}::fields_that_a_client_may_not_set_are_unknown_to_it",),
    17: (f"{HOSTILE}::only_json_in_utf_8_is_read", f"{HOSTILE}::a_body_without_content_type_is_refused"),
    18: (f"{HOSTILE}::what_is_too_large_is_told_so_and_the_connection_ends",),
    19: (f"{HOSTILE}::a_compressed_body_is_never_inflated",),
    20: (
        f"{HOSTILE}::a_client_that_trickles_its_headers_is_cut_off",
        f"{HOSTILE}::a_body_that_does_not_arrive_is_given_up",
        f"{HOSTILE}::fifty_slow_clients_hold_nobody_up", f"{STREAMS}::a_client_that_stops_reading_is_cut",
    ),
    21: (
        f"{HOSTILE}::another_territory_s_objects_are_absent_from_every_address",
        f"{HOSTILE}::another_territory_s_objects_cannot_be_written",
        f"{HOSTILE}::a_body_that_names_another_territory_s_object_names_nothing",
        f"{HOSTILE}::a_filter_by_another_territory_s_object_finds_nothing",
    ),
    22: (f"{HOSTILE}::a_cursor_opens_nothing_but_its_own_list",),
    23: (f"{HOSTILE}::parameters_are_known_given_once_and_in_range",),
    24: (f"{HOSTILE}::no_header_is_reflected", f"{HOSTILE}::headers_that_decide_something_come_once"),
    25: (f"{HOSTILE}::no_line_of_the_log_can_be_forged",),
    26: (
        f"{HOSTILE}::forged_addresses_change_no_link",
        "access/test_quotas.py::an_address_is_what_trusted_proxies_say",
    ),
    27: "the service sends nothing to an address that a caller names: there are no webhooks",
    28: "as 27",
    29: "as 27",
    30: (f"{HOSTILE}::text_that_a_spreadsheet_would_run_is_only_text",),
    31: ("engineering/certificates/test_documents.py::what_people_wrote_stands_in_the_documents_as_it_is",),
    32: (f"{HOSTILE}::only_a_whole_living_key_opens",),  # there are no tokens but keys; one is no key
    33: (
        f"{HOSTILE}::only_a_whole_living_key_opens", f"{HOSTILE}::a_method_is_what_the_request_line_says",
        "access/test_keys.py::every_key_that_opens_nothing_costs_the_same_work",
    ),
    34: (f"{HOSTILE}::a_key_that_may_only_read_writes_nothing", f"{HOSTILE}::a_method_is_what_the_request_line_says"),
    35: (
        f"{HOSTILE}::what_is_searched_means_itself", f"{HOSTILE}::a_search_is_at_most_a_hundred_characters",
        "checks/test_patterns.py::every_pattern_of_the_code_is_linear",
    ),
    36: (
        f"{HOSTILE}::invisible_and_turning_characters_are_refused",
        f"{HOSTILE}::a_name_is_kept_composed_and_the_siren_is_the_identity",
    ),
    37: (f"{HOSTILE}::a_siren_has_one_form",),
    38: (
        f"{ENVELOPES}::fifty_awards_at_once_share_out_the_last_cents_to_those_that_fit",
        f"{LIMITS}::the_last_quarter_day_goes_to_exactly_one_of_fifty",
        f"{ENVELOPES}::fifty_repayments_at_once_repay_no_cent_more_than_is_owed",
    ),
    39: (f"{HOSTILE}::the_second_of_two_writers_is_told_that_the_version_is_old", f"{HOSTILE}::no_odd_if_match_passes"),
    40: (
        f"{KEYS}::twenty_at_once_with_one_key_make_one_row", f"{KEYS}::two_subjects_may_use_the_same_key",
        f"{KEYS}::a_key_belongs_to_one_body_one_route_and_one_query",
        f"{HOSTILE}::an_idempotency_key_is_1_to_255_visible_characters",
        f"{HOSTILE}::an_answer_that_was_lost_with_the_service_is_given_again",
    ),
    41: (f"{HOSTILE}::steps_out_of_turn_are_refused_by_the_state",),
    42: (
        f"{HOSTILE}::a_database_that_dies_is_told_and_comes_back_by_itself",
        "faults/test_shortages.py::a_pool_without_a_free_connection_is_told_as_busy_and_counted",
        "faults/test_shortages.py::a_full_disk_refuses_writes_clearly_and_they_go_on_when_there_is_room",
        "commands/test_cli.py::a_request_under_way_is_answered_before_the_service_ends",
    ),
    43: (f"{HOSTILE}::a_request_of_two_readings_ends_the_connection",),
    44: "the service rests on no row-level security: territories are kept apart by its queries and foreign keys",
    45: (f"{HOSTILE}::without_a_key_nothing_is_said_about_the_body",),  # and `problem_of`, of each answer above
}  # fmt: skip


def test_each_line_of_the_table_is_sent_by_a_test_or_has_its_reason() -> None:
    assert sorted(TABLE) == list(range(1, 46))
    known = {}
    for named in {test for tests in TABLE.values() if isinstance(tests, tuple) for test in tests}:
        path, _, name = named.partition("::")
        if path not in known:
            tree = ast.parse((ROOT / "tests" / path).read_text())
            known[path] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert f"test_{name}" in known[path], named
