#!/usr/bin/env bash
# Prints the reference of all settings as Markdown, from their registrations, so that it cannot say anything else than
# pulse_config() does: configuration.sh >extension/doc/configuration.md
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

cat <<'TEXT'
# Settings in the database

Made by `extension/doc/configuration.sh`. They decide what is true and what is due: thresholds of health and alerts, limits of
messages, times of reports, how long histories are kept. Mechanics of the engine are settings of the server (`pulse.*` in
`pg_settings`), and what only the daemon needs stands in `pulse.ini`.

```sql
SELECT key, value, unit, origin, description FROM pulse_config();            -- all of them
SELECT key, value FROM pulse_config('health.*');                             -- a section
SELECT pulse_config_set('performance.target_annual_return', 0.30);           -- holds at once, nothing is restarted
SELECT pulse_config_set('health.data_age_warning', interval '15 minutes');   -- durations need a unit
SELECT pulse_config_set('notifications.min_priority', 'HIGH', 'testing');    -- in one environment only
SELECT pulse_config_reset('performance.target_annual_return');               -- back to the default
SELECT * FROM pulse_apply_environment('testing');                            -- shows what changes
SELECT * FROM pulse_config_history('health');                                -- who changed what, when
SELECT * FROM pulse_validate_config();                                       -- what does not fit together; no row: nothing
```

The value that holds is the first of: what was set for the active environment, what was set for all, the preset of the
environment, the default. An unknown key, a value of another type or out of range is refused (22023), with the nearest key
or the possible values. **Secrets are refused**: they belong in a file that only `pulse-worker` can read (`token_file`), in
its environment (`TELEGRAM_BOT_TOKEN`), or in a systemd credential. `pg_dump` takes settings and history along.

Everybody may read settings; setting them takes `pulse_grant(role, 'admin')`. The goals can also be edited as the table
`pulse.target`.
TEXT

"$top/tests/lib/cluster.sh" run -- psql -XAtq <<'SQL'
CREATE EXTENSION pulse;
WITH k AS (
	SELECT c.key, CASE WHEN c.key LIKE '%.%' THEN split_part(c.key, '.', 1) ELSE 'general' END AS section, c.kind, c.unit, c.description, c.presets, c.minimum, c.maximum, c.choices,
		CASE WHEN c.default_value = 'null' THEN 'none' ELSE c.default_value #>> '{}' END AS value
	FROM pulse.config_key c
)
SELECT E'\n## ' || section || E'\n\n| key | default | type | meaning |\n|---|---|---|---|\n' || string_agg(format('| `%s` | %s | %s | %s%s |', key,
	coalesce('`' || nullif(value, '') || '`', 'empty'),
	concat_ws(', ', kind, unit, CASE WHEN choices IS NOT NULL THEN array_to_string(choices, ' ') END,
		CASE WHEN minimum IS NOT NULL OR maximum IS NOT NULL THEN format('%s to %s%s', coalesce(minimum::text, '…'), coalesce(maximum::text, '…'), CASE kind WHEN 'duration' THEN ' s' ELSE '' END) END),
	replace(description, '|', '\|'),
	coalesce((SELECT ' ' || string_agg(format('In %s: `%s`.', e.key, e.value), ' ' ORDER BY e.key) FROM jsonb_each_text(presets) e), '')), E'\n' ORDER BY key)
FROM k GROUP BY section ORDER BY section = 'general' DESC, section;
SQL
