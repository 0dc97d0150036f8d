"""What the database itself refuses, whoever writes: every limit and every rule of a row attacked by bare SQL."""

import asyncio
from dataclasses import dataclass
from string import Template
from typing import Any

import asyncpg
import httpx2
import pytest

from app.core.db import Base
from app.engineering.entries.rules import TRANSITIONS, Status
from tests.bare_sql import Attack, change, clone
from tests.directory import siret_of
from tests.engineering.deliverables import attacks as deliverables
from tests.engineering.invoices import attacks as invoices
from tests.engineering.planning import attacks as planning
from tests.firms import test_bank_details as bank_details
from tests.firms import test_firm_certificates as firm_certificates
from tests.missions.frameworks import attacks as frameworks
from tests.world import World, ok

MISSION, MEMBER = "mission_id = $mission", "mission_id = $mission AND organisation_id = $partner"
DRAFT, SUBMITTED, VALIDATED = "id = $draft", "id = $submitted", "id = $validated"
TODAY = "(timezone('Europe/Paris', now()))::date"
PERSON_DAY = "INSERT INTO person_days VALUES ($person, '2023-07-20', {})"

LIMITS = [
    Attack("days_exhausted", change("mission_days", MISSION, days_entered="days_ordered + 0.25")),
    Attack("days_exhausted", change("mission_days", MISSION, days_entered="'NaN'")),
    Attack("days_exhausted", change("mission_days", MISSION, days_ordered="days_entered - 0.25", days_allotted="0")),
    Attack("days_not_yet_ordered", change("mission_days", MISSION, entered_before="'{0.25}'")),
    Attack("days_not_yet_ordered", change("mission_days", MISSION, entered_before="'{NaN}'")),
    Attack("days_not_yet_ordered", change("mission_days", MISSION, entered_before="'{NULL}'")),
    Attack("days_not_yet_ordered", change("mission_days", MISSION, entered_before="'{-0.25}'")),
    Attack("days_not_yet_ordered", change("mission_days", MISSION, entered_before="'{}'")),
    Attack("allotments_exceed_order", change("mission_days", MISSION, days_allotted="days_ordered + 0.25")),
    Attack("allotments_exceed_order", change("mission_days", MISSION, days_ordered="days_ordered - 0.25")),
    Attack("allotments_exceed_order", change("mission_days", MISSION, days_allotted="'NaN'")),
    Attack("mission_days_entered", change("mission_days", MISSION, days_entered="-0.25")),
    Attack("mission_days_ordered", change("mission_days", MISSION, days_ordered="'NaN'")),
    Attack("mission_days_allotted", change("mission_days", MISSION, days_allotted="-0.25")),
    Attack("off_step", change("mission_days", MISSION, days_entered="0.1")),
    Attack("outside_mission_window", change("mission_days", MISSION, worked_from="starts_on - 1")),
    Attack("outside_mission_window", change("mission_days", MISSION, worked_to="ends_on + 1")),
    Attack("outside_mission_window", change("mission_days", MISSION, ends_on="worked_to - 1")),
    Attack(
        "mission_window", change("mission_days", MISSION, ends_on="starts_on - 1", worked_from="NULL", worked_to="NULL")
    ),
    Attack("late_entry", change("mission_days", MISSION, entered_on="'2024-01-02'", enterable_until_on="'2024-01-01'")),
    Attack("mission_days_mission_id_step_fkey", change("mission_days", MISSION, step="0.75", days_entered="0")),
    Attack("mission_days_pkey", clone("mission_days", MISSION)),
    Attack("allotment_exhausted", change("member_days", MEMBER, days_entered="days_allotted + 0.25")),
    Attack("allotment_exhausted", change("member_days", MEMBER, days_entered="'NaN'")),
    Attack("allotment_exhausted", change("member_days", MEMBER, days_allotted="days_entered - 0.25")),
    Attack("member_days_entered", change("member_days", MEMBER, days_entered="-0.25")),
    Attack("member_days_allotted", change("member_days", MEMBER, days_allotted="'NaN'")),
    Attack("member_days_allotted", change("member_days", MEMBER, days_allotted="-2", days_entered="-2")),
    Attack("member_days_mission_id_organisation_id_fkey", clone("member_days", MEMBER, organisation_id="$office")),
    Attack("member_days_pkey", clone("member_days", MEMBER)),
    Attack("person_day_exceeded", PERSON_DAY.format("1.01")),
    Attack(
        "person_day_exceeded",
        PERSON_DAY.format("0.75") + " ON CONFLICT DO NOTHING;"
        " INSERT INTO person_days VALUES ($person, '2023-07-20', 0.5)"
        " ON CONFLICT (person_id, worked_on) DO UPDATE SET days = person_days.days + excluded.days",
    ),
    Attack("correction_exceeded", change("correctable_days", "entry_id = $reversed", days_corrected="days + 0.25")),
    Attack("correctable_days_corrected", change("correctable_days", "entry_id = $reversed", days_corrected="-0.25")),
    Attack("correctable_days_corrected", change("correctable_days", "entry_id = $reversed", days_corrected="'NaN'")),
    Attack(
        "correction_elsewhere",
        change(
            "correctable_days",
            "entry_id = $reversed",
            for_person_id="$judge",
            for_mission_id="mission_id",
            for_month="month",
        ),
    ),
    Attack(
        "correction_elsewhere",
        change(
            "correctable_days",
            "entry_id = $reversed",
            for_person_id="person_id",
            for_mission_id="mission_id",
            for_month="month + 31",
        ),
    ),
    Attack("person_day_days", PERSON_DAY.format("-0.25")),
    Attack("person_day_days", PERSON_DAY.format("'NaN'")),
]

ANEW = {"from_on": "'2020-01-02'"}  # the same role from another day
A_SECRET = {"digest": "sha256('a')"}
A_CODE = {"digest": "NULL", "prefix": "NULL", "confirmed_at": "NULL", "code_digest": "sha256('a')",
          "code_expires_at": "now()"}  # fmt: skip

ENTRIES = [
    *(
        Attack("time_entry_days", clone("time_entries", DRAFT, days=days))
        for days in ("0", "-0.25", "1.25", "0.1", "0.3", "'NaN'")
    ),
    Attack("time_entry_days", change("time_entries", SUBMITTED, days="0.33")),
    Attack("time_entry_status", clone("time_entries", DRAFT, status="'lost'")),
    Attack(
        "future_day",
        clone("time_entries", DRAFT, worked_on=f"{TODAY} + 1", counted_on=f"{TODAY} + 1", updated_at="now()"),
    ),
    Attack("outside_assignment", clone("time_entries", DRAFT, worked_on="'2022-12-31'")),
    Attack("outside_assignment", clone("time_entries", SUBMITTED, worked_on="'2022-12-31'")),
    Attack("outside_assignment", change("time_entries", SUBMITTED, worked_on="assigned_from_on - 1")),
    Attack("outside_assignment", change("consultants", "id = $consultant", until_on="'2023-07-03'")),
    Attack("outside_assignment", change("consultants", "id = $consultant", from_on="'2023-07-05'")),
    Attack("time_entry_counted_on", clone("time_entries", DRAFT, counted_on="worked_on - 1")),
    Attack("time_entry_counted_on", clone("time_entries", "id = $reversed", worked_on="'1899-12-31'")),
    Attack("time_entry_authors", clone("time_entries", DRAFT, authors="'{}'")),
    Attack("reason_missing", clone("time_entries", "id = $reversed", reason="NULL")),
    Attack("reason_missing", change("time_entries", SUBMITTED, status="'rejected'", reason="NULL")),
    Attack("validated_by_nobody", clone("time_entries", VALIDATED, validated_by="NULL")),
    Attack("validated_by_nobody", change("time_entries", SUBMITTED, status="'validated'")),
    Attack("separation_of_duties", change("time_entries", SUBMITTED, status="'validated'", validated_by="entered_by")),
    Attack("separation_of_duties", change("time_entries", SUBMITTED, status="'validated'", validated_by="authors[1]")),
    Attack("separation_of_duties", change("time_entries", SUBMITTED, status="'validated'", validated_by="person_id")),
    Attack("entry_locked", change("time_entries", VALIDATED, authors="authors || validated_by")),
    Attack("time_entry_authors", change("time_entries", SUBMITTED, authors="authors || NULL::uuid")),
    Attack("validator_is_a_person", change("time_entries", SUBMITTED, status="'validated'", validated_by="$robot")),
    Attack("validator_is_a_person", change("time_entries", SUBMITTED, status="'validated'", validated_by="uuidv7()")),
    Attack(
        "validator_kind",
        change(
            "time_entries", SUBMITTED, status="'validated'", validated_by="$robot", validator_kind="'service_account'"
        ),
    ),
    Attack("time_entries_consultant_fkey", clone("time_entries", DRAFT, territory="$elsewhere")),
    Attack("time_entries_consultant_fkey", clone("time_entries", DRAFT, mission_id="$other_mission")),
    Attack("time_entries_consultant_fkey", clone("time_entries", DRAFT, organisation_id="$office")),
    Attack("time_entries_consultant_fkey", clone("time_entries", DRAFT, person_id="$judge")),
    Attack("time_entries_consultant_fkey", clone("time_entries", DRAFT, consultant_id="$lead_consultant")),
    Attack("time_entries_consultant_fkey", clone("time_entries", DRAFT, assigned_from_on="'2000-01-01'")),
    Attack(
        "time_entries_consultant_fkey",
        change("time_entries", SUBMITTED, person_id="$judge", authors="ARRAY[$robot::uuid]"),
    ),
    Attack("profile_certified", "DELETE FROM consultants WHERE id = $consultant"),
    Attack("time_entries_territory_firm_siren_fkey", clone("time_entries", DRAFT, firm_siren="'123456782'")),
    Attack("time_entries_entered_by_fkey", clone("time_entries", DRAFT, entered_by="uuidv7()")),
    Attack(
        "time_entries_external_id_key",
        clone("time_entries", DRAFT, external_id="'cra-1'")
        + "; "
        + clone("time_entries", DRAFT, external_id="'cra-1'"),
    ),
]

MISSIONS = [
    Attack("mission_step", clone("missions", "id = $mission", step="0.75", external_id="NULL")),
    Attack("mission_step", change("missions", "id = $mission", step="1")),
    Attack("mission_late_entry_grace_days", change("missions", "id = $mission", late_entry_grace_days="-1")),
    Attack("mission_late_entry_grace_days", change("missions", "id = $mission", late_entry_grace_days="3661")),
    Attack("off_step", change("missions", "id = $mission", step="0.50")),
    Attack("missions_territory_fkey", clone("missions", "id = $mission", territory="'nowhere'", external_id="NULL")),
    Attack(
        "missions_external_id_key",
        change("missions", "id IN ($mission, $second_mission)", external_id="'m-1'"),
    ),
    Attack("consultants_territory_mission_id_fkey", change("missions", "id = $mission", territory="$elsewhere")),
    Attack("order_kind", clone("orders", "id = $order", kind="'extension'", reference="'N'")),
    Attack("initial_order_incomplete", clone("orders", "id = $order", reference="'N'", days="0")),
    Attack("initial_order_incomplete", clone("orders", "id = $order", reference="'N'", starts_on="NULL")),
    Attack("initial_order_incomplete", clone("orders", "id = $order", reference="'N'", ends_on="NULL")),
    Attack("order_days", clone("orders", "id = $order", kind="'amendment'", reference="'N'", days="0.1")),
    Attack("order_days", clone("orders", "id = $order", kind="'amendment'", reference="'N'", days="'NaN'")),
    Attack(
        "order_window", clone("orders", "id = $order", kind="'amendment'", reference="'N'", ends_on="starts_on - 1")
    ),
    Attack("second_initial_order", clone("orders", "id = $order", reference="'N'")),
    Attack("orders_mission_id_reference_key", clone("orders", "id = $order", kind="'amendment'")),
    Attack("orders_mission_id_fkey", clone("orders", "id = $order", mission_id="uuidv7()")),
    Attack("mission_member_role", change("mission_members", MEMBER, role="'observer'")),
    *(
        Attack("mission_member_days_allotted", change("mission_members", MEMBER, days_allotted=days))
        for days in ("-0.25", "0.1", "'NaN'")
    ),
    Attack("second_lead", change("mission_members", MEMBER, role="'lead'")),
    Attack("mission_members_mission_id_organisation_id_key", clone("mission_members", MEMBER)),
    Attack("mission_members_organisation_id_fkey", clone("mission_members", MEMBER, organisation_id="uuidv7()")),
    Attack("mission_members_mission_id_fkey", clone("mission_members", MEMBER, mission_id="uuidv7()")),
    Attack(
        "person_not_in_consortium",
        "DELETE FROM member_days WHERE " + MEMBER + "; DELETE FROM mission_members WHERE " + MEMBER,
    ),
    Attack("already_assigned", clone("consultants", "id = $consultant")),
    Attack("already_assigned", clone("consultants", "id = $consultant", from_on="until_on")),
    Attack(
        "already_assigned", clone("consultants", "id = $consultant", from_on="'2000-01-01'", until_on="'2023-01-01'")
    ),
    Attack("assignment_period", change("consultants", "id = $lead_consultant", until_on="from_on - 1")),
    Attack(
        "consultant_is_a_person",
        clone("consultants", "id = $consultant", person_id="$robot", person_kind="'service_account'"),
    ),
    Attack("consultants_person_id_person_kind_fkey", clone("consultants", "id = $consultant", person_id="$robot")),
    Attack(
        "person_not_in_consortium",
        clone("consultants", "id = $consultant", organisation_id="$office", person_id="$judge"),
    ),
    Attack(
        "consultants_territory_mission_id_fkey",
        clone("consultants", "id = $consultant", territory="$elsewhere", person_id="$judge"),
    ),
    Attack("late_entry_leaves_mission_id_fkey", clone("late_entry_leaves", "id = $leave", mission_id="uuidv7()")),
    Attack("late_entry_leaves_granted_by_fkey", clone("late_entry_leaves", "id = $leave", granted_by="uuidv7()")),
]

ACCESS = [
    Attack("organisation_name", change("organisations", "id = $office", name="''")),
    *(
        Attack("organisation_siren", change("organisations", "id = $office", siren=siren))
        for siren in ("'123456789'", "'000000000'", "'12345678'", "E'732829320\\n'", "' 732829320'", "'73282932a'")
    ),
    Attack(
        "organisations_siren_key",
        "UPDATE organisations o SET siren = p.siren FROM organisations p WHERE o.id = $office AND p.id = $partner",
    ),
    Attack("subject_kind", clone("subjects", "id = $judge", kind="'robot'", email="NULL")),
    Attack("subject_name", change("subjects", "id = $judge", name="''")),
    Attack("subject_email", change("subjects", "id = $robot", email="'a@example.test'")),
    Attack("subject_email_form", clone("subjects", "id = $judge", email="upper($email)")),
    Attack("subjects_email_key", clone("subjects", "id = $judge", email="$email")),
    Attack("subjects_service_account_name_key", clone("subjects", "id = $robot")),
    Attack("subjects_organisation_id_fkey", clone("subjects", "id = $robot", organisation_id="uuidv7()")),
    Attack(
        "consultants_person_id_person_kind_fkey",
        change("subjects", "id = $person", kind="'service_account'", email="NULL"),
    ),
    Attack("member_role", clone("members", "id = $member", role="'king'")),
    Attack("member_period", change("members", "id = $member", to_on="from_on - 1")),
    Attack("member_from_on", clone("members", "id = $member", from_on="'1899-12-31'")),
    Attack("member_from_on", clone("members", "id = $member", from_on="'-infinity'")),
    Attack("member_to_on", change("members", "id = $member", to_on="'infinity'")),
    Attack("member_to_on", change("members", "id = $member", to_on="'2200-01-01'")),
    Attack("members_subject_id_role_territory_from_on_key", clone("members", "id = $member")),
    Attack("members_subject_id_role_territory_from_on_key", clone("members", "id = $national")),
    Attack("members_subject_id_fkey", clone("members", "id = $member", subject_id="uuidv7()")),
    Attack("members_territory_fkey", clone("members", "id = $member", territory="'nowhere'")),
    Attack("api_key_scope", change("api_keys", "id = $key", scope="'root'")),
    Attack("role_own_approval", clone("members", "id = $member", **ANEW, approved_by="subject_id")),
    Attack("role_own_approval", clone("members", "id = $member", **ANEW, proposed_by="$judge", approved_by="$judge")),
    Attack("member_approval", clone("members", "id = $member", **ANEW, approved_by="$judge", approved_at="NULL")),
    Attack("member_approved_by_a_person", clone("members", "id = $member", **ANEW, approved_by="$robot")),
    Attack("member_kept", change("members", "id = $member", role="'funder'")),
    Attack("member_kept", change("members", "id = $member", territory="NULL")),
    Attack("member_kept", change("members", "id = $member", approved_at="NULL")),
    Attack("member_kept", change("members", "id = $member", approved_by="$judge")),
    Attack(
        "role_prolonged",
        change("members", "id = $member", to_on="'2030-01-01'") + ";" + change("members", "id = $member", to_on="NULL"),
    ),
    Attack("admin_for_persons", clone("members", "id = $national", subject_id="$robot", role="'admin'")),
    Attack("api_key_digest", clone("api_keys", "id = $key", digest="'\\x00'")),
    Attack("api_key_secret", clone("api_keys", "id = $key", digest="NULL", confirmed_at="NULL")),
    Attack("api_key_code", clone("api_keys", "id = $key", **A_CODE | {"code_expires_at": "NULL"})),
    Attack("api_key_code", clone("api_keys", "id = $key", **A_CODE | {"code_digest": "'\\x00'"})),
    Attack("api_key_narrowed", clone("api_keys", "id = $key", **A_SECRET, permissions="'{}'")),
    Attack("api_key_confirmation", clone("api_keys", "id = $key", **A_CODE | {"confirmed_at": "now()"})),
    Attack("key_own_confirmation", clone("api_keys", "id = $key", **A_SECRET, confirmed_by="subject_id")),
    Attack(
        "key_own_confirmation",
        clone("api_keys", "id = $key", **A_SECRET, created_by="$judge", confirmed_by="$judge"),
    ),
    Attack("api_key_confirmed_by_a_person", clone("api_keys", "id = $key", **A_SECRET, confirmed_by="$robot")),
    Attack("api_key_kept", change("api_keys", "id = $key", digest="sha256('a')")),
    Attack("api_key_kept", change("api_keys", "id = $key", confirmed_at="NULL")),
    Attack("api_key_kept", change("api_keys", "id = $key", expires_at="expires_at + interval '1 day'")),
    Attack("api_key_end", clone("api_keys", "id = $key", **A_SECRET, expires_at="created_at")),
    Attack("api_key_end", clone("api_keys", "id = $key", **A_SECRET, expires_at="created_at + interval '731 days'")),
    Attack("api_keys_digest_key", clone("api_keys", "id = $key")),
    Attack("api_keys_subject_id_fkey", clone("api_keys", "id = $key", subject_id="uuidv7()", digest="sha256('a')")),
    Attack("api_keys_rotated_from_id_fkey", change("api_keys", "id = $key", rotated_from_id="uuidv7()")),
]

PROGRAMME = [
    Attack("wave_number", clone("waves", "number = 1", number="0")),
    Attack("wave_number", clone("waves", "number = 1", number="1000")),
    Attack("wave_period", change("waves", "number = 1", opened_on="'2023-02-01'", closed_on="'2023-01-31'")),
    Attack("waves_number_key", clone("waves", "number = 1")),
    *(
        Attack("territory_slug", clone("territories", "slug = $territory", slug=slug))
        for slug in ("''", "'Ales'", "'ales-'", "'a--b'", "'a/b'", "E'ales\\n'", "repeat('a', 64)")
    ),
    Attack("territory_region_code", change("territories", "slug = $territory", region_code="'05'")),
    Attack("territory_status", change("territories", "slug = $territory", status="'gone'")),
    Attack("lead_not_among_epci", change("territories", "slug = $territory", lead_siren="'732829320'")),
    Attack("lead_not_among_epci", change("territories", "slug = $territory", epci_sirens="'{}'")),
    Attack(
        "territory_epci_sirens",
        change("territories", "slug = $territory", epci_sirens="epci_sirens || '123456789'::text"),
    ),
    Attack("territories_wave_number_fkey", change("territories", "slug = $territory", wave_number="998")),
    Attack("perimeter_vintage", "INSERT INTO perimeters SELECT $territory, 1899, 1, now(), now()"),
    Attack("perimeter_vintage", change("perimeters", "territory = $territory", vintage="2200")),
    Attack("perimeters_pkey", clone("perimeters", "territory = $territory")),
    Attack("perimeters_territory_fkey", clone("perimeters", "territory = $territory", territory="'nowhere'")),
    *(
        Attack("commune_insee_code", clone("perimeter_communes", "territory = $territory", insee_code=code))
        for code in ("'3000'", "'300070'", "'2C004'", "'3000a'", "E'30007\\n'")
    ),
    Attack("perimeter_communes_pkey", clone("perimeter_communes", "territory = $territory")),
    Attack(
        "perimeter_communes_territory_vintage_fkey",
        clone("perimeter_communes", "territory = $territory", territory="$elsewhere"),
    ),
]

ERASED = {"erased_at": "now()", "erased_because": "'request'"}
ERASED |= dict.fromkeys(("name", "function", "email", "phone", "external_id"), "NULL")
NAMED_AGAIN = change("contacts", "id = $contact", name="'Camille'", erased_at="NULL", erased_because="NULL")

FIRMS = [
    Attack("firm_siren", clone("firms", "siren = $firm", siren="'123456789'")),
    Attack("firm_siren", clone("firms", "siren = $firm", siren="'000000000'")),
    Attack("firm_name", change("firms", "siren = $firm", name="''")),
    Attack("firm_naf_code", change("firms", "siren = $firm", naf_code="'2511Z'", naf_version="'naf_rev2'")),
    Attack("firm_naf_version", change("firms", "siren = $firm", naf_code="'25.11Z'", naf_version="'naf_rev1'")),
    Attack("naf_code_without_version", change("firms", "siren = $firm", naf_code="'25.11Z'", naf_version="NULL")),
    Attack("naf_code_without_version", change("firms", "siren = $firm", naf_code="NULL", naf_version="'naf_2025'")),
    Attack("firm_legal_form_code", change("firms", "siren = $firm", legal_form_code="'57'")),
    Attack("firm_headcount_bracket", change("firms", "siren = $firm", headcount_bracket="'04'")),
    Attack("firm_insee_category", change("firms", "siren = $firm", insee_category="'sme'")),
    Attack("firm_diffusion", change("firms", "siren = $firm", diffusion="'none'")),
    Attack("firm_source", change("firms", "siren = $firm", source="'hearsay'")),
    Attack("ceased_on_of_an_active_firm", change("firms", "siren = $firm", ceased_on="'2024-01-01'")),
    Attack("firm_seat_is_a_site_of_it", change("firms", "siren = $firm", seat_siret="$other_site")),
    Attack("firms_seat_siret_idx", change("firms", "siren = $other_firm", seat_siret="$site")),
    Attack("firm_owners_siren_fkey", "INSERT INTO firm_owners VALUES ('732829320', 'Exemple', 1, now(), now())"),
    Attack("firm_activity_naf_code", change("firm_activities", "siren = $firm", naf_code="'2553Y'")),
    Attack("firm_activity_naf_version", change("firm_activities", "siren = $firm", naf_version="'naf_rev1'")),
    Attack("activity_period", change("firm_activities", "siren = $firm", to_on="from_on - 1")),
    Attack("two_activities_at_once", clone("firm_activities", "siren = $firm")),
    Attack("two_activities_at_once", clone("firm_activities", "siren = $firm", from_on="NULL", to_on="from_on")),
    Attack("firm_activities_siren_fkey", clone("firm_activities", "siren = $firm", siren="'732829320'")),
    *(
        Attack("site_siret", change("sites", "siret = $site", siret=siret))
        for siret in ("left(siret, 13) || (right(siret, 1)::integer + 1) % 10", "siret || '0'", "left(siret, 13)")
    ),
    Attack("siret_of_another_firm", change("sites", "siret = $site", siren="$other_firm")),
    *(
        Attack("site_insee_code", change("sites", "siret = $site", insee_code=code))
        for code in ("'3000'", "'300070'", "'2C004'", "E'30007\\n'")
    ),
    Attack("site_naf_code", change("sites", "siret = $site", naf_code="'2511Z'", naf_version="'naf_rev2'")),
    Attack("site_naf_version", change("sites", "siret = $site", naf_code="'25.11Z'", naf_version="'naf_rev1'")),
    Attack("site_naf_code_without_version", change("sites", "siret = $site", naf_code="'25.11Z'")),
    Attack("site_naf_code_without_version", change("sites", "siret = $site", naf_version="'naf_2025'")),
    Attack("closed_on_of_an_open_site", change("sites", "siret = $site", closed_on="'2024-01-01'")),
    Attack(
        "site_closes_before_it_opens",
        change("sites", "siret = $site", closed="true", opened_on="'2024-01-02'", closed_on="'2024-01-01'"),
    ),
    Attack("site_diffusion", change("sites", "siret = $site", diffusion="'none'")),
    Attack("site_source", change("sites", "siret = $site", source="'hearsay'")),
    Attack("sites_pkey", clone("sites", "siret = $site")),
    Attack("firm_seats_siren_siret_fkey", clone("firm_seats", "siren = $firm", siret="$other_site")),
    Attack("proceeding_kind", change("proceedings", "siren = $firm", kind="'closure'")),
    Attack("proceeding_source", change("proceedings", "siren = $firm", source="'hearsay'")),
    Attack("proceeding_closes_before_it_opens", change("proceedings", "siren = $firm", closed_on="opened_on - 1")),
    Attack("proceeding_noticed_before_it_opens", change("proceedings", "siren = $firm", noticed_on="opened_on - 1")),
    Attack("continued_outside_liquidation", change("proceedings", "siren = $firm", continued_until_on="opened_on + 1")),
    Attack(
        "ended_by_of_an_open_proceeding", change("proceedings", "siren = $firm", ended_by="'plan'", closed_on="NULL")
    ),
    Attack("proceeding_ended_by", change("proceedings", "siren = $firm", ended_by="'hope'", closed_on="opened_on")),
    Attack("proceedings_siren_kind_opened_on_key", clone("proceedings", "siren = $firm")),
    Attack("proceedings_siren_fkey", clone("proceedings", "siren = $firm", siren="'732829320'")),
    Attack(
        "territory_firm_eu_size",
        change(
            "territory_firms",
            "siren = $firm",
            eu_size="'tiny'",
            eu_size_evidence_on="'2024-01-01'",
            eu_size_source="'Liasse'",
        ),
    ),
    Attack("eu_size_without_evidence", change("territory_firms", "siren = $firm", eu_size="'small'")),
    Attack("eu_size_without_evidence", change("territory_firms", "siren = $firm", eu_size_evidence_on="'2024-01-01'")),
    Attack(
        "eu_size_without_evidence",
        change("territory_firms", "siren = $firm", eu_size="'small'", eu_size_evidence_on="'2024-01-01'"),
    ),
    *(Attack("firm_accounts_year", change("firm_accounts", "siren = $firm", year=year)) for year in ("1899", "2200")),
    *(
        Attack(f"firm_accounts_{name}", change("firm_accounts", "siren = $firm", **{column: value}))
        for name, column, most in (
            ("turnover", "turnover_cents", 2**53 - 1),
            ("balance_sheet", "balance_sheet_cents", 2**53 - 1),
            ("headcount", "headcount", 10_000_000),
        )
        for value in ("-1", str(most + 1))
    ),
    Attack("firm_accounts_source", change("firm_accounts", "siren = $firm", source="''")),
    Attack("firm_accounts_pkey", clone("firm_accounts", "siren = $firm")),
    Attack("firm_accounts_territory_siren_fkey", clone("firm_accounts", "siren = $firm", territory="$elsewhere")),
    Attack(
        "firm_notes_territory_siren_fkey",
        "INSERT INTO firm_notes VALUES ($elsewhere, $firm, 'Said in confidence.', 1, now(), now())",
    ),
    Attack("territory_firm_stage", change("territory_firms", "siren = $firm", stage="'bought'")),
    Attack("territory_firms_pkey", clone("territory_firms", "siren = $firm")),
    Attack("territory_firms_siren_fkey", clone("territory_firms", "siren = $firm", siren="'732829320'")),
    Attack("territory_firms_territory_fkey", clone("territory_firms", "siren = $firm", territory="'nowhere'")),
    Attack("firm_stage_change_stage", clone("firm_stage_changes", "siren = $firm", stage="'bought'")),
    Attack(
        "stage_in_the_future",
        clone("firm_stage_changes", "siren = $firm", effective_on=f"{TODAY} + 1", recorded_at="now()"),
    ),
    Attack(
        "firm_stage_changes_territory_siren_fkey", clone("firm_stage_changes", "siren = $firm", territory="$elsewhere")
    ),
    Attack("firm_stage_changes_recorded_by_fkey", clone("firm_stage_changes", "siren = $firm", recorded_by="uuidv7()")),
]

CONTACTS = [
    Attack("contact_purpose", change("contacts", "id = $contact", purpose="'marketing'")),
    Attack("contact_legal_basis", change("contacts", "id = $contact", legal_basis="'curiosity'")),
    Attack(
        "contact_erased_because",
        change("contacts", "id = $contact", name="NULL", erased_at="now()", erased_because="'boredom'"),
    ),
    Attack("contact_erased", change("contacts", "id = $contact", name="NULL", erased_at="now()")),
    Attack("contact_erased", change("contacts", "id = $contact", erased_because="'request'")),
    Attack("contact_erased_but_named", change("contacts", "id = $contact", name="NULL")),
    Attack("contact_erased_but_named", change("contacts", "id = $contact", name="''")),
    *(
        Attack("contact_erased_but_named", change("contacts", "id = $contact", **(ERASED | {column: "'Kept'"})))
        for column in ("name", "function", "email", "phone", "external_id")
    ),
    Attack("contact_gone", change("contacts", "id = $contact", **ERASED) + "; " + NAMED_AGAIN),
    Attack(
        "kept_too_long",
        change("contacts", "id = $contact", retain_until_on="(updated_at + interval '10 years 2 days')::date"),
    ),
    Attack("contacts_territory_siren_fkey", clone("contacts", "id = $contact", territory="$elsewhere")),
    Attack("contacts_territory_siren_fkey", clone("contacts", "id = $contact", siren="$other_firm")),
    Attack("contacts_recorded_by_fkey", clone("contacts", "id = $contact", recorded_by="uuidv7()")),
]

ONE_QUOTA = "id = (SELECT id FROM role_quotas ORDER BY id LIMIT 1)"
QUOTAS = [
    Attack(f"role_quota_{name}", clone("role_quotas", ONE_QUOTA, **{name: value}))
    for name, value in (
        ("subject_kind", "'robot'"), ("role", "'boss'"), ("name", "'cakes'"), ("value", "0"),
        ("value", "1000000000001"), ("from_on", "'1899-12-31'"), ("from_on", "'2200-01-01'"),
    )
]  # fmt: skip

APPEND_ONLY = [
    Attack(
        f"{table}_append_only",
        sql.format(
            table,
            "from_on"
            if table == "vat_rates"
            else "certificate_id"
            if table.startswith("service_certificate_")
            else "deliverable_id"
            if table == "deliverable_passages"
            else "invoice_id"
            if table.startswith("invoice_")
            else "id",
        ),
    )
    for table in (
        "mission_settings",
        "vat_rates",
        "orders",
        "late_entry_leaves",
        "firm_seats",
        "firm_stage_changes",
        "events",
        "role_quotas",
        "allotments",
        "threshold_crossings",
        "service_certificates",
        "service_certificate_lines",
        "service_certificate_remarks",
        "service_certificate_earlier_refusals",
        "mission_plans",
        "mission_plan_lines",
        "remaining_days",
        "deliverable_passages",
        "refinancing_rates",
        "framework_maxima",
        "invoice_lines",
        "invoice_vat",
        "invoice_passages",
    )
    for sql in ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "DELETE FROM {0} WHERE false", "TRUNCATE {0} CASCADE")
] + [
    Attack("time_entries_append_only", "TRUNCATE time_entries CASCADE"),
    Attack("month_locks_append_only", "TRUNCATE month_locks"),
    Attack("time_entry_corrections_append_only", "TRUNCATE time_entry_corrections"),
    Attack("time_entry_corrections_append_only", "DELETE FROM time_entry_corrections"),
    Attack("deliverables_append_only", "TRUNCATE deliverables CASCADE"),
    Attack("invoices_append_only", "DELETE FROM invoices WHERE false"),
    Attack("invoices_append_only", "TRUNCATE invoices CASCADE"),
    Attack("invoices_append_only", change("invoices", "false", total_cents="total_cents + 1")),
    Attack("invoices_append_only", change("invoices", "false", content="'{}'")),
    Attack("invoice_certificates_append_only", "DELETE FROM invoice_certificates WHERE false"),
    Attack("invoice_certificates_append_only", "TRUNCATE invoice_certificates CASCADE"),
    Attack("activity_reports_append_only", "DELETE FROM activity_reports WHERE false"),
    Attack("activity_reports_append_only", "TRUNCATE activity_reports"),
    Attack("activity_reports_append_only", change("activity_reports", "false", days="days + 0.25")),
    Attack("activity_reports_append_only", change("activity_reports", "false", content="'{}'")),
]

R, MADE = "activity_reports", "id = $report"
OWN_SIGNATURE = {
    "consultant_signed_by": "person_id", "consultant_signed_name": "'A'", "consultant_signed_on": "last_worked_on",
    "consultant_signed_at": "now()",
}  # fmt: skip
LEADS_SIGNATURE = {
    "lead_signed_by": "$judge", "lead_signed_name": "'B'", "lead_signed_on": "last_worked_on",
    "lead_signed_at": "now()",
}  # fmt: skip
BOTH = OWN_SIGNATURE | LEADS_SIGNATURE
STALE = {"stale_at": "now()", "stale_entry_id": "$submitted", "stale_entry_worked_on": "last_worked_on"}
REPORTS = [
    Attack("activity_report_not_yours", change(R, MADE, **(OWN_SIGNATURE | {"consultant_signed_by": "$judge"}))),
    Attack("activity_report_by_one_person", change(R, MADE, **(BOTH | {"lead_signed_by": "person_id"}))),
    Attack("activity_report_exists", clone(R, MADE)),
    Attack("activity_report_month", clone(R, MADE, month="'2023-06-02'")),
    *(Attack("activity_report_days", clone(R, MADE, days=days)) for days in ("0", "0.1", "'NaN'")),
    Attack("activity_report_content_hash", clone(R, MADE, content="'{}'")),
    *(
        Attack("activity_report_consultant_signed", change(R, MADE, **(OWN_SIGNATURE | {name: value})))
        for name, value in (("consultant_signed_at", "NULL"), ("consultant_signed_name", "''"))
    ),
    Attack("activity_report_lead_signed", change(R, MADE, **LEADS_SIGNATURE)),
    *(
        Attack("activity_report_lead_signed", change(R, MADE, **(BOTH | {name: value})))
        for name, value in (("lead_signed_on", "NULL"), ("lead_signed_name", "''"))
    ),
    Attack("activity_report_lead_signed", change(R, MADE, lead_signer_kind="'service_account'")),
    Attack("lead_signed_by_a_person", change(R, MADE, **(BOTH | {"lead_signed_by": "$robot"}))),
    *(
        Attack("activity_report_signed_on", change(R, MADE, **(BOTH | {name: "last_worked_on - 1"})))
        for name in ("consultant_signed_on", "lead_signed_on")
    ),
    Attack("activity_report_stale", change(R, MADE, stale_at="now()")),
    Attack("activity_report_transition", change(R, MADE, **STALE) + "; " + change(R, MADE, **OWN_SIGNATURE)),
    Attack(
        "activity_report_transition", change(R, MADE, **STALE) + "; " + change(R, MADE, **dict.fromkeys(STALE, "NULL"))
    ),
    Attack("activity_report_transition", change(R, MADE, **BOTH) + "; " + change(R, MADE, lead_signed_name="'C'")),
    Attack(
        "activity_report_transition", change(R, MADE, **BOTH) + "; " + change(R, MADE, consultant_signed_name="'C'")
    ),
    Attack("activity_reports_consultant_fkey", clone(R, MADE, month="'2023-06-01'", organisation_id="$office")),
    Attack("activity_report_differs", clone(R, MADE, month="'2023-06-01'") + "; SET CONSTRAINTS ALL IMMEDIATE"),
]

K, PROPOSED = "time_entry_corrections", "id = $correction"
CORRECTIONS = [
    *(
        Attack("correction_by_one_person", change(K, PROPOSED, status="'agreed'", agreed_at="now()", agreed_by=who))
        for who in ("proposed_by", "person_id")
    ),
    Attack("correction_open", clone(K, PROPOSED)),
    Attack("correction_transition", change(K, PROPOSED, days="0.25")),
    Attack("correction_transition", change(K, PROPOSED, status="'accepted'")),
    Attack("time_entry_corrections_append_only", "DELETE FROM time_entry_corrections WHERE false"),
    Attack("time_entry_correction_accepted", clone(K, PROPOSED, status="'accepted'")),
    Attack("time_entry_correction_agreed", change(K, PROPOSED, status="'agreed'")),
    *(Attack("time_entry_correction_days", clone(K, PROPOSED, days=days)) for days in ("-0.25", "1.25", "0.1")),
    Attack("time_entry_correction_ended", change(K, PROPOSED, status="'refused'")),
    Attack("time_entry_correction_kinds", clone(K, PROPOSED, proposer_kind="'service_account'")),
    Attack("time_entry_correction_status", clone(K, PROPOSED, status="'lost'")),
    Attack("time_entry_correction_worked_on", clone(K, PROPOSED, worked_on="'1899-12-31'")),
    Attack("time_entry_corrections_entry_fkey", clone(K, PROPOSED, entry_id="uuidv7()")),
    Attack("time_entry_certification_refused", change("time_entries", VALIDATED, certification_refused_reason="'x'")),
    Attack("mission_status", change("missions", "id = $mission", status="'lost'")),
    Attack("mission_status_changed", change("missions", "id = $mission", status="'closed'")),
    Attack("mission_ended", change("mission_days", MISSION, status="'closed'")),
    Attack("mission_in_use", change("mission_days", MISSION, status="'cancelled'", entered_on="NULL")),
    Attack("mission_days_status_fkey", change("mission_days", MISSION, status="'closed'", entered_on="NULL")),
]

SETTINGS = [
    Attack("mission_holiday_calendar", change("missions", "id = $mission", holiday_calendar="'mars'")),
    *(
        Attack("mission_alert_thresholds_bp", change("missions", "id = $mission", alert_thresholds_bp=f"'{{{bp}}}'"))
        for bp in ("0", "10001", "8000,-1")
    ),
    Attack("travel_not_counted", change("missions", "id = $mission", travel_counts="false")),
    Attack("mission_activity_label", change("mission_activities", MISSION, label="''")),
    Attack("time_entries_activity_fkey", clone("time_entries", DRAFT, activity="'golf'")),
    Attack("time_entries_activity_fkey", clone("time_entries", DRAFT, activity_until_on="worked_on + 1")),
    Attack("activity_not_listed", change("mission_activities", MISSION, until_on="'2023-01-01'")),
    Attack("activity_in_use", "DELETE FROM mission_activities WHERE mission_id = $mission AND code = 'audition'"),
    Attack("orderer_kind", clone("orders", "id = $order", orderer_kind="'service_account'")),
    Attack(
        "ordered_by_a_person",
        clone("orders", "id = $order", kind="'amendment'", reference="'R'", ordered_by="$robot"),
    ),
    Attack("leave_granter_kind", clone("late_entry_leaves", "id = $leave", granter_kind="'service_account'")),
    Attack("leave_granted_by_a_person", clone("late_entry_leaves", "id = $leave", granted_by="$robot")),
    Attack("allotment_days", clone("allotments", MEMBER, days="0.1")),
    Attack("allotment_days", clone("allotments", MEMBER, days="'NaN'")),
    Attack("rest_day", change("mission_days", MISSION, rest_days="'{2023-07-14}'", worked_days="'{2023-07-14}'")),
    Attack("month_locked", change("mission_days", MISSION, locked_months="'{2023-06-01}'",
                                  counted_months="'{2023-07-01,2023-06-01}'")),
    Attack("rates_overlap", clone("rates", MEMBER)),
    Attack("rates_overlap", clone("rates", MEMBER, from_on="'2023-07-01'", until_on="'2023-07-01'")),
    Attack("rate_profile", clone("rates", MEMBER, profile="'wizard'")),
    Attack("rate_day_rate_cents", clone("rates", MEMBER, day_rate_cents="0")),
    Attack("rate_period", clone("rates", MEMBER, until_on="from_on - 1")),
    Attack("rate_certified", change("rates", MEMBER, until_on="from_on")),
    Attack("rates_mission_id_organisation_id_fkey", clone("rates", MEMBER, organisation_id="$office")),
    Attack("rates_territory_mission_id_fkey", clone("rates", MEMBER, territory="$elsewhere", profile="'junior'")),
]  # fmt: skip

CERTIFIED, CERTIFICATE = "id = $certified", "id = $certificate"
SEALED = {"certificate_id": "$certificate", "certified_at": "now()"}
NEW = {"number": "number + 100"}
AT_COMMIT = "; SET CONSTRAINTS ALL IMMEDIATE"
CERTIFICATES = [
    Attack("time_entry_counts_when_worked", clone("time_entries", DRAFT, counted_on="worked_on + 1")),
    Attack("time_entry_corrects_itself", change("time_entries", DRAFT, corrects_id="id")),
    Attack("time_entries_corrects_fkey", change("time_entries", DRAFT, corrects_id="uuidv7()")),
    Attack("time_entry_reversal_counted_on", change("time_entries", SUBMITTED, reversal_counted_on="counted_on")),
    Attack(
        "time_entry_reversal_counted_on",
        change("time_entries", SUBMITTED, status="'reversed'", reason="'R'", reversal_counted_on="counted_on - 1"),
    ),
    Attack("certified_without_certificate", change("time_entries", VALIDATED, status="'certified'")),
    *(
        Attack("certifier_took_part",
               change("time_entries", VALIDATED, status="'certified'", certified_by=who, **SEALED))
        for who in ("entered_by", "person_id", "validated_by")
    ),
    Attack("certifier_is_a_person",
           change("time_entries", VALIDATED, status="'certified'", certified_by="$robot", **SEALED)),
    Attack("certifier_kind", change("time_entries", SUBMITTED, certifier_kind="'service_account'")),
    Attack("certificate_differs", change("time_entries", VALIDATED, status="'certified'", certified_by="$operator",
                                         **SEALED) + AT_COMMIT),
    Attack("certificate_differs", change("time_entries", CERTIFIED, status="'validated'", certified_by="NULL",
                                         certificate_id="NULL", certified_at="NULL") + AT_COMMIT),
    Attack("certificate_differs", clone("service_certificates", CERTIFICATE, **NEW) + AT_COMMIT),
    Attack("service_certificate_number", clone("service_certificates", CERTIFICATE, number="0")),
    Attack("service_certificates_territory_number_key", clone("service_certificates", CERTIFICATE)),
    Attack("service_certificate_period", clone("service_certificates", CERTIFICATE, **NEW, to_on="from_on - 1")),
    Attack("service_certificate_days", clone("service_certificates", CERTIFICATE, **NEW, days="0")),
    Attack("service_certificate_days", clone("service_certificates", CERTIFICATE, **NEW, days="0.3")),
    Attack("service_certificate_days",
           clone("service_certificates", CERTIFICATE, **NEW, cancels_id="id", reason="'R'")),
    Attack("service_certificate_reason", clone("service_certificates", CERTIFICATE, **NEW, reason="'R'")),
    Attack("service_certificate_vat",
           clone("service_certificates", CERTIFICATE, **NEW, vat_cents="vat_cents + 1", total_cents="total_cents + 1")),
    Attack("service_certificate_vat", clone("service_certificates", CERTIFICATE, **NEW, total_cents="total_cents + 1")),
    Attack("service_certificate_hash", clone("service_certificates", CERTIFICATE, **NEW, content="content || ' '")),
    Attack("service_certifier_kind",
           clone("service_certificates", CERTIFICATE, **NEW, certifier_kind="'service_account'")),
    Attack("certified_by_a_person", clone("service_certificates", CERTIFICATE, **NEW, certified_by="$robot")),
    Attack("service_certificate_line_amount",
           clone("service_certificate_lines", "certificate_id = $certificate", amount_cents="amount_cents + 1")),
    Attack("service_certificate_line_days", clone(
        "service_certificate_lines", "certificate_id = $certificate", days="0.1", amount_cents="day_rate_cents / 10")),
    Attack("service_certificate_line_profile",
           clone("service_certificate_lines", "certificate_id = $certificate", profile="'wizard'")),
    Attack("service_certificate_remark_kind",
           "INSERT INTO service_certificate_remarks VALUES ($certificate, $certified, 'praise', 'Good')"),
    Attack("certificate_number_last_number", change("certificate_numbers", "territory = $territory", last_number="-1")),
    Attack("vat_rate_bp", "INSERT INTO vat_rates VALUES ('2090-01-01', 10001, 'none')"),
    Attack("month_lock_month", clone("month_locks", "id = $lock", month="'2023-05-02'")),
    Attack("month_lock_not_over", clone("month_locks", "id = $lock", month="'2099-01-01'")),
    Attack("month_already_locked", clone("month_locks", "id = $lock")),
    Attack("month_locker_kind", clone("month_locks", "id = $lock", locker_kind="'service_account'")),
    Attack("locked_by_a_person", clone("month_locks", "id = $lock", month="'2022-01-01'", locked_by="$robot")),
    Attack("month_lock_reopening", change("month_locks", "id = $lock", reopened_at="now()")),
    Attack("month_open", change("month_locks", "id = $lock", month="'2023-05-01'")),
    Attack("month_locks_append_only", "DELETE FROM month_locks"),
]  # fmt: skip

ATTACKS = [
    *LIMITS,
    *SETTINGS,
    *CERTIFICATES,
    *CORRECTIONS,
    *REPORTS,
    *frameworks.ATTACKS,
    *planning.ATTACKS,
    *deliverables.ATTACKS,
    *invoices.ATTACKS,
    *ENTRIES,
    *MISSIONS,
    *ACCESS,
    *PROGRAMME,
    *FIRMS,
    *CONTACTS,
    *QUOTAS,
    *APPEND_ONLY,
]

# What the guard of counted entries compares, and a new value for each.
LOCKED = {
    "territory": "$elsewhere", "mission_id": "$other_mission", "consultant_id": "$lead_consultant",
    "worked_on": "worked_on + 1", "counted_on": "counted_on + 1", "days": "days + 0.25", "activity": "'travel'",
    "firm_siren": "$firm", "note": "'Another'", "external_id": "'cra-9'", "entered_by": "$robot",
    "created_at": "created_at - interval '1 day'", "authors": "authors || $robot::uuid",
    "validated_by": "$second_judge", "validated_at": "now()", "corrects_id": "$draft", "certificate_id": "uuidv7()",
}  # fmt: skip


@dataclass
class Stage:
    """One world with something of everything, whose ids the attacks name. Every attack is rolled back."""

    pool: Any
    ids: dict[str, str]

    def sql(self, template: str) -> str:
        return Template(template).substitute({name: f"'{value}'" for name, value in self.ids.items()})

    async def refused(self, template: str) -> str:
        """The name of the constraint that refuses these statements."""
        async with self.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refusal:
                    await connection.execute(self.sql(template))
            finally:
                await transaction.rollback()
        return str(refusal.value.constraint_name)

    async def taken(self, template: str) -> int:
        """How many rows this statement changes; it must be allowed."""
        async with self.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                status: str = await connection.execute(self.sql(template))
            finally:
                await transaction.rollback()
        return int(status.rpartition(" ")[2])


@pytest.fixture(scope="module")
async def stage(http: httpx2.AsyncClient, pool: Any) -> Stage:
    world, other = await World.create(http, pool), await World.create(http, pool)
    person = await world.add_person("partner")
    mission = await world.mission(days=10, people={"partner": person})
    second_mission = await world.mission()
    other_mission = await other.mission()
    ids = {
        "territory": world.territory, "elsewhere": other.territory, "mission": mission.id,
        "second_mission": second_mission.id, "other_mission": other_mission.id, "person": str(person),
        "consultant": mission.partner_consultant, "lead_consultant": mission.lead_consultant,
        "partner": str(world.organisations["partner"]), "office": str(world.organisations["office"]),
        "judge": str(world.subjects["lead_judge"]), "second_judge": str(world.subjects["lead"]),
        "firm": await world.add_firm(), "other_firm": await world.add_firm(),
        "email": f"{world.territory}@example.test",
    }  # fmt: skip
    for place, status in enumerate(Status):
        draft = status is Status.DRAFT
        body = mission.entry(worked_on=f"2023-07-{4 + place:02}", days=0.25, status="draft" if draft else "submitted")
        entry = ok(await world.consultant.post("time-entries", body), 201)
        path = f"time-entries/{entry['id']}"
        if status in (Status.VALIDATED, Status.CERTIFIED):
            ok(await world.lead_judge.post(f"{path}/validate"))
        elif status is Status.REJECTED:
            ok(await world.lead_judge.post(f"{path}/reject", {"reason": "Wrong day"}))
        elif status is Status.REVERSED:
            ok(await world.consultant.post(f"{path}/reverse", {"reason": "Wrong day"}))
        if status is Status.CERTIFIED:
            certificate = await world.certify(mission, from_on=body["worked_on"], to_on=body["worked_on"])
            ids["certificate"] = certificate["id"]
            proposal = {"entry_id": entry["id"], "days": 0, "reason": "Not worked."}
            ids["correction"] = ok(await world.consultant.post("time-entry-corrections", proposal), 201)["id"]
        ids[str(status)] = entry["id"]
    month = {"consultant_id": mission.partner_consultant, "month": "2023-07"}
    ids["report"] = ok(await world.consultant.post("activity-reports", month), 201)["id"]
    lock = ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-01"}), 201)
    ids["lock"], ids["operator"] = lock["id"], str(world.subjects["operator"])
    leave = {"until_on": "2199-01-01", "reason": "Late"}
    ids["leave"] = ok(await world.operator.post(f"missions/{mission.id}/late-entry-leaves", leave), 201)["id"]
    ids |= await known_firm(world, ids["firm"]) | {"other_site": siret_of(ids["other_firm"])}
    ok(await world.clients["territory"].put(f"/v1/firms/{ids['other_firm']}/sites/{ids['other_site']}", {}), 201)
    ids |= await frameworks.staged(world)
    ids |= await planning.staged(world, mission, second_mission)
    ids |= await deliverables.staged(world, other, second_mission)
    ids |= await invoices.staged(world, second_mission)
    communes = {"communes": [{"insee_code": "30007", "name": "Alès"}]}
    ok(await world.programme.put("perimeter/2023", communes))
    async with pool.acquire() as connection:
        await world.add_subject(connection, "robot", "partner", None, kind="service_account")
        await connection.execute("UPDATE subjects SET email = $2 WHERE id = $1", ids["person"], ids["email"])
        ids["robot"] = str(world.subjects["robot"])
        ids["order"] = str(await connection.fetchval("SELECT id FROM orders WHERE mission_id = $1", mission.id))
        held = "SELECT id FROM members WHERE subject_id = $1"
        ids["member"] = str(await connection.fetchval(held, world.subjects["lead"]))
        ids["national"] = str(await connection.fetchval(held, world.subjects["operator"]))
        key = "SELECT id FROM api_keys WHERE subject_id = $1"
        ids["key"] = str(await connection.fetchval(key, world.subjects["funder"]))
    return Stage(pool, ids)


async def known_firm(world: World, firm: str) -> dict[str, str]:
    """One of everything about this firm: the ids of its seat and of a contact."""
    client, site = world.clients["territory"], siret_of(firm)
    ok(await client.put(f"firms/{firm}", {"stage": "solicited"}))
    seat = {"insee_code": "30007", "seat_from_on": "2019-03-01"}
    ok(await client.put(f"/v1/firms/{firm}/sites/{site}", seat), 201)
    activity = {"naf_code": "25.53Y", "naf_version": "naf_2025", "from_on": "2025-12-01"}
    ok(await client.post(f"/v1/firms/{firm}/activities", activity), 201)
    ok(await client.post(f"/v1/firms/{firm}/proceedings", {"kind": "safeguard", "opened_on": "2024-02-06"}), 201)
    ok(await client.put(f"firms/{firm}/accounts/2022", {"headcount": 34, "source": "Liasse 2022"}), 201)
    return {"site": site, "contact": (await world.contact(firm))["id"]}


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
async def test_the_database_refuses_by_the_rule_that_was_broken(stage: Stage, attack: Attack) -> None:
    assert await stage.refused(attack.sql) == attack.constraint


BESIDE = {attack.partition(":")[0] for attack in [*bank_details.ATTACKS, *firm_certificates.ATTACKS]}  # in their tests
HERE = ("core", "access", "programme", "firms", "missions", "engineering")
TABLES = sorted(
    mapper.local_table.description for mapper in Base.registry.mappers if mapper.class_.__module__.split(".")[1] in HERE
)


async def test_every_check_and_every_exclusion_of_these_domains_is_attacked(stage: Stage) -> None:
    rows = await stage.pool.fetch(
        "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'x') AND conrelid = ANY ($1::text[]::regclass[])",
        TABLES,
    )
    assert len(rows) > 60
    assert {row["conname"] for row in rows} - {attack.constraint for attack in ATTACKS} - BESIDE == set()


async def test_every_append_only_table_of_these_domains_is_attacked(stage: Stage) -> None:
    rows = await stage.pool.fetch(
        "SELECT tgrelid::regclass::text AS name FROM pg_trigger"
        " WHERE tgname = 'append_only' AND tgrelid = ANY ($1::text[]::regclass[])",
        TABLES,
    )
    attacked = {attack.constraint for attack in APPEND_ONLY}
    assert {f"{row['name']}_append_only" for row in rows} - BESIDE == attacked


# --- the life of an entry --------------------------------------------------------------------------------------------

ALLOWED = {(source, target) for sources, target in TRANSITIONS.values() for source in sources}
ALLOWED |= {(Status.VALIDATED, Status.CERTIFIED), (Status.CERTIFIED, Status.VALIDATED)}


@pytest.mark.parametrize("source", Status)
@pytest.mark.parametrize("target", Status)
async def test_an_entry_goes_from_state_to_state_as_its_life_allows(
    stage: Stage, source: Status, target: Status
) -> None:
    judged = target in (Status.VALIDATED, Status.CERTIFIED)
    more = {"validated_by": "$judge"} if judged else {"reason": "'Why'"}
    if Status.CERTIFIED in (source, target) and source is not target:
        sealed = ("$certificate", "$operator", "now()") if target is Status.CERTIFIED else ("NULL",) * 3
        more |= dict(zip(("certificate_id", "certified_by", "certified_at"), sealed, strict=True))
    attack = change("time_entries", f"id = ${source}", status=f"'{target}'", **more)
    if source is target or (source, target) in ALLOWED:
        assert await stage.taken(attack) == 1
    else:
        assert await stage.refused(attack) == "invalid_transition"


@pytest.mark.parametrize("column", LOCKED)
async def test_a_fact_of_an_entry_that_was_judged_is_never_changed(stage: Stage, column: str) -> None:
    for status in Status:
        if status not in (Status.DRAFT, Status.SUBMITTED):
            attack = change("time_entries", f"id = ${status}", **{column: LOCKED[column]})
            assert await stage.refused(attack) == "entry_locked", status


@pytest.mark.parametrize("status", Status)
async def test_only_a_draft_is_deleted(stage: Stage, status: Status) -> None:
    attack = f"DELETE FROM time_entries WHERE id = ${status}"
    if status is Status.DRAFT:
        assert await stage.taken(attack) == 1
    else:
        assert await stage.refused(attack) == "entry_locked"


# --- the edge itself is allowed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edge",
    [
        change("mission_days", MISSION, days_entered="days_ordered"),
        change("mission_days", MISSION, worked_from="starts_on", worked_to="ends_on"),
        change("mission_days", MISSION, entered_on="'2024-01-01'", enterable_until_on="'2024-01-01'"),
        change("member_days", MEMBER, days_entered="days_allotted"),
        PERSON_DAY.format("1"),
        PERSON_DAY.format("0"),
        clone("time_entries", DRAFT, worked_on=TODAY, counted_on=TODAY, updated_at="now()"),
        clone("time_entries", DRAFT, worked_on="assigned_from_on", counted_on="assigned_from_on"),
        clone("time_entries", DRAFT, days="1"),
        change("consultants", "id = $consultant", from_on="'2023-07-04'"),
        clone("consultants", "id = $consultant", from_on="'2000-01-01'", until_on="'2022-12-31'"),
        clone("orders", "id = $order", kind="'amendment'", reference="'N'", days="-0.25", starts_on="NULL"),
    ],
)
async def test_what_reaches_the_limit_and_does_not_pass_it_is_taken(stage: Stage, edge: str) -> None:
    assert await stage.taken(edge) == 1


async def test_an_assignment_that_moves_takes_its_entries_along(stage: Stage) -> None:
    async with stage.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(stage.sql(change("consultants", "id = $consultant", until_on="'2023-12-31'")))
        rows = await connection.fetch(
            "SELECT DISTINCT assigned_until_on FROM time_entries WHERE consultant_id = $1", stage.ids["consultant"]
        )
        await transaction.rollback()
    assert [row["assigned_until_on"].isoformat() for row in rows] == ["2023-12-31"]


# --- the same at once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["mission_days", "member_days", "person_days"])
async def test_twenty_bare_updates_of_the_last_quarter_leave_one(world: World, table: str) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    ok(await world.consultant.post("time-entries", mission.entry(days=0.75)), 201)
    spend = {
        "mission_days": "UPDATE mission_days SET days_entered = days_entered + 0.25 WHERE mission_id = $1",
        "member_days": "UPDATE member_days SET days_entered = days_entered + 0.25"
        " WHERE mission_id = $1 AND days_allotted > 0",
        "person_days": "UPDATE person_days SET days = days + 0.25 WHERE person_id IN"
        " (SELECT person_id FROM time_entries WHERE mission_id = $1)",
    }[table]

    async def attack() -> str:
        try:
            return str(await world.pool.execute(spend, mission.id))
        except asyncpg.CheckViolationError as error:
            return str(error.constraint_name)

    found = await asyncio.gather(*(attack() for _ in range(20)))
    names = {
        "mission_days": "days_exhausted",
        "member_days": "allotment_exhausted",
        "person_days": "person_day_exceeded",
    }
    assert sorted(found) == sorted(["UPDATE 1", *[names[table]] * 19])
