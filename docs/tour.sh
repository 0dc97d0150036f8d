# A tour of Rebond, for bash, zsh and dash: `sh docs/tour.sh`, or line by line, while `make run` serves the demonstration.
# It needs curl. Below a command stands what it says, without what is of no matter here. It can be taken once: to take it
# again, stop the service and delete its data directory. tests/scenarios/test_tours.py runs it in each shell.
rebond=${REBOND:-.venv/bin/rebond}
T=${REBOND_URL:-http://127.0.0.1:8000}/v1/territories/ales
eval "$($rebond demo --shell)" # a key per role: $OPERATOR, $LEAD, $FUNDER, $SECOND_FUNDER, $AUDITOR …

any() { od -An -N8 -tx8 /dev/urandom | tr -d ' \n'; }
as() { # a key, and what curl is asked
  key=$1
  shift
  curl -s -H "Authorization: Bearer $key" -H "Idempotency-Key: $(any)" -H 'Content-Type: application/json' "$@"
}
first_id() { grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4; }

# 1. How many days are left, what can the envelope still promise, what do advances owe?
as "$OPERATOR" "$T/summary"
# {"territory":"ales","territory_name":"Alès Agglomération","days_ordered":100.00,"days_entered":75.00,"days_left":25.00,
#  "contributed_cents":150000000,"available_cents":53613333,"shortfall_cents":0,"committed_cents":18800000,
#  "paid_cents":86000000, …}

# 2. The lead firm enters its last 25 days in one batch, all or nothing.
MISSION=$(as "$LEAD" "$T/missions" | first_id)
PERSON=$(as "$LEAD" "$T/consultants?q=ancoris" | first_id)
day() {
  printf '{"mission_id":"%s","consultant_id":"%s","worked_on":"2023-08-%s","days":%s,"activity":"analysis"}' \
    "$MISSION" "$PERSON" "$1" "$2"
}
DAYS=$(for n in $(seq -w 1 25); do day "$n" 1; done | sed 's/}{/},{/g')
as "$LEAD" "$T/time-entries/batch" -d "{\"items\":[$DAYS]}" | grep -o '"status":"[a-z]*"' | sort | uniq -c
#     25 "status":"submitted"

# 3. Day 100.25 is refused; in French if you like.
as "$LEAD" "$T/time-entries" -d "$(day 28 0.25)" -H 'Accept-Language: fr'
# {"type":"/problems/days-exhausted","title":"Il ne reste pas assez de jours à la mission.","status":409,
#  "detail":"0,25 demandés, 0,00 restants sur 100,00 commandés. Saisissez moins de jours, …"}

# 4. The operator reads how the days were used (by member, profile, activity, firm, week) as of any day, and the burn-down.
as "$OPERATOR" "$T/engineering?as_of=2023-10-03"
# {"territory":"ales","as_of":"2023-10-03",…,"days_ordered":100.00,…,"days_entered":100.00,"days_validated":56.50,…,
#  "consumption":{"share_used":1.0,…},"forecast":{"exhausted_on":null,"reason":"already_exhausted",…},"by_member":[…],…}
as "$OPERATOR" "$T/engineering/burn-down?as_of=2023-07-31&format=svg" -H 'Accept-Language: fr' > burn-down.svg
grep -o '<title[^>]*>[^<]*' burn-down.svg | cut -d'>' -f2
# Jours restants · Ingénierie Rebond industriel, Alès

# 5. Bpifrance awards a grant of 300 000 € on a base of 1 000 000 € for a project of the firm; the envelope is committed at once.
PROJECT=$(as "$FUNDER" "$T/projects?external_id=demo-project-0" | first_id)
award() {
  as "$FUNDER" "$T/grants" -d "{\"siren\":\"910000397\",\"project_id\":\"$PROJECT\",\"project_title\":\"Atelier\",
    \"amount_cents\":$1,\"decided_on\":\"2023-11-07\",\"decision_reference\":\"TOUR-$(any)\",
    \"scheme\":\"rebond_industriel\",\"base_cents\":100000000}"
}
GRANT=$(award 30000000 | first_id)

# 6. A payment is proposed once the agreement is signed, the project has started and the firm's certificates are in date:
#    30 % of the grant at first, not a cent more. Who proposes it cannot approve it (403); another treasurer can (200).
pay() {
  as "$TREASURER" "$T/grants/$GRANT/payments" \
    -d "{\"amount_cents\":$1,\"kind\":\"advance_payment\",\"reference\":\"TOUR-1\"}"
}
pay 9000000 | grep -o '/problems/[a-z-]*'
# /problems/agreement-missing
digest() { printf '%s' "$1" | sha256sum | cut -c1-64; }
as "$FUNDER" -X PUT "$T/grants/$GRANT/agreement" -o /dev/null -d "{\"reference\":\"TOUR\",
  \"signed_by_firm_on\":\"2023-11-20\",\"signed_by_funder_on\":\"2023-11-21\",
  \"document_sha256\":\"$(digest agreement)\"}"
as "$FUNDER" "$T/grants/$GRANT/start" -H 'If-Match: *' -o /dev/null \
  -d "{\"started_on\":\"2023-11-27\",\"proof_sha256\":\"$(digest order)\"}"
for kind in tax social; do
  as "$TERRITORY" "$T/firms/910000397/certificates" -o /dev/null -d "{\"kind\":\"$kind\",
    \"issued_on\":\"$(date -u +%F)\",\"valid_until_on\":\"2199-12-31\",\"sha256\":\"$(digest $kind)\"}"
done
pay 9000001 | grep -o '"requested_cents".*'
# "requested_cents":9000001,"allowed_cents":9000000}
PAYMENT=$T/grants/$GRANT/payments/$(pay 9000000 | first_id)
for who in "$TREASURER" "$SECOND_TREASURER"; do
  as "$who" -X POST "$PAYMENT/approve" -H 'If-Match: *' -o /dev/null -w '%{http_code}\n'
done
as "$TREASURER" "$PAYMENT/record" -H 'If-Match: *' -d "{\"paid_on\":\"$(date -u +%F)\"}" | grep -o '"status":"[a-z]*"'
# "status":"recorded"

# 7. An advance is repaid by quarters; one was paid late, with late interest from a formal notice on, and one is late now.
ADVANCE=$(as "$TREASURER" "$T/advances?external_id=demo-advance-1" | first_id)
as "$TREASURER" "$T/advances/$ADVANCE/statement?as_of=2026-10-01"
# {…,"disbursed_cents":30000000,…,"due_cents":27500000,"repaid_cents":25000000,…,"outstanding_cents":5000000,…,
#  "income_cents":15247,"late_cents":2500000,…,"days_past_due":1,"bucket":"1_30",…,"lines":[…]}

# 8. The envelope now, and on the day of that award. What came back came later: releases, repayments, a recovery.
as "$AUDITOR" "$T/envelope" | grep -o '"available_cents":[0-9]*' | head -1
# "available_cents":23613333
as "$AUDITOR" "$T/envelope?as_of=2023-11-07" | grep -o '"available_cents":[0-9]*' | head -1
# "available_cents":3000000

# 9. On that day, one cent too many is refused.
award 3000001
# {"type":"/problems/envelope-exhausted","title":"The envelope does not have enough money left, on the day of the act …",
#  "status":409,"detail":"30,000.01 € requested, 30,000.00 € available. Award less, date the act on `available_from` …",
#  …,"requested_cents":3000001,"available_cents":3000000,"available_from":"2024-03-31"}

# 10. An aid file cannot be received yet. One refusal names all that is missing; each is told with its cure.
PROJECT=$(as "$TERRITORY" "$T/projects?external_id=demo-project-21" | first_id)
LINE='{"label":"Press","kind":"tangible_asset","amount_cents":120000000,"ordered_on":"2023-10-02"}'
FILE=$(as "$TERRITORY" "$T/applications" -d "{\"project_id\":\"$PROJECT\",\"siren\":\"910000157\",
  \"scheme\":\"rebond_industriel\",\"requested_grant_cents\":20000000,\"lines\":[$LINE],
  \"planned_start_on\":\"2024-01-15\",\"planned_end_on\":\"2025-06-30\"}" | first_id)
as "$TERRITORY" "$T/applications/$FILE/submit" -d '{"received_at":"2023-10-09T08:30:00Z"}' |
  grep -oE '"(type|code)":"[^"]*"'
# "type":"/problems/application-not-ready"
# "code":"expense-before-receipt"
# "code":"funding-statement-missing"
# "code":"tax-certificate-missing"
# "code":"social-certificate-missing"
# "code":"bank-details-missing"

# 11. The service computes every balance again from its entries.
$rebond check
# … balances computed again, 0 differ
