-- Alerts: rules, what became of them, and who said what about it. All state is here: a restart forgets and repeats nothing.

CREATE TABLE pulse.alert_rule (
	name		text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_.-]{0,99}$'),
	kind		text NOT NULL DEFAULT 'CUSTOM' CHECK (kind IN ('PERFORMANCE', 'RISK', 'SYSTEM', 'TRADE', 'CUSTOM')),
	source		text NOT NULL CHECK (source IN ('metric', 'query', 'health', 'trade')),
	metric		text,
	query		text,
	search_path	text NOT NULL DEFAULT 'pg_catalog, pg_temp',
	components	text[],
	title		text NOT NULL,
	description	text,
	unit		text NOT NULL DEFAULT 'number' CHECK (unit IN ('number', 'fraction', 'money', 'seconds', 'status')),
	enabled		boolean NOT NULL DEFAULT true,
	comparator	text NOT NULL DEFAULT '>=' CHECK (comparator IN ('>', '>=', '<', '<=')),
	warning		double precision CHECK (warning > '-Infinity' AND warning < 'Infinity'),
	critical	double precision CHECK (critical > '-Infinity' AND critical < 'Infinity'),
	warning_key	text,
	critical_key	text,
	hysteresis	double precision NOT NULL DEFAULT 0 CHECK (hysteresis >= 0 AND hysteresis < 'Infinity'),
	hold		interval NOT NULL DEFAULT '0' CHECK (hold >= '0' AND hold <= '1 year'),
	clear_hold	interval NOT NULL DEFAULT '0' CHECK (clear_hold >= '0' AND clear_hold <= '1 year'),
	min_duration	interval NOT NULL DEFAULT '0' CHECK (min_duration >= '0' AND min_duration <= '1 year'),
	missing		text NOT NULL DEFAULT 'keep' CHECK (missing IN ('keep', 'clear', 'alert')),
	min_trades	bigint NOT NULL DEFAULT 0 CHECK (min_trades >= 0),
	flap_count	integer NOT NULL DEFAULT 4 CHECK (flap_count BETWEEN 0 AND 16 AND flap_count <> 1),
	flap_window	interval NOT NULL DEFAULT '30 minutes' CHECK (flap_window > '0' AND flap_window <= '30 days'),
	warning_severity	text NOT NULL DEFAULT 'HIGH' CHECK (warning_severity IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	critical_severity	text NOT NULL DEFAULT 'CRITICAL' CHECK (critical_severity IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	portfolios	text[],
	symbols		text[],
	active_hours	jsonb,
	inhibited_by	text[],
	notify		boolean NOT NULL DEFAULT true,
	notify_resolved	boolean NOT NULL DEFAULT true,
	route		text[],
	group_by	text[] NOT NULL DEFAULT '{rule}' CHECK (group_by <@ '{rule,kind,severity,portfolio,symbol,component}'),
	remind_every	interval CHECK (remind_every >= '1 minute'),
	escalate_after	interval CHECK (escalate_after > '0'),
	every		interval NOT NULL DEFAULT '1 minute' CHECK (every >= '1 second'),
	adaptive	text CHECK (adaptive IN ('ewma', 'quantile')),
	adaptive_warning	double precision CHECK (adaptive_warning > 0 AND adaptive_warning < 1000),
	adaptive_critical	double precision CHECK (adaptive_critical > 0 AND adaptive_critical < 1000),
	adaptive_half_life	double precision NOT NULL DEFAULT 100 CHECK (adaptive_half_life BETWEEN 1 AND 1e9),
	adaptive_samples	integer NOT NULL DEFAULT 30 CHECK (adaptive_samples >= 2),
	adaptive_window	integer NOT NULL DEFAULT 500 CHECK (adaptive_window BETWEEN 10 AND 10000),
	adaptive_every	interval NOT NULL DEFAULT '1 hour' CHECK (adaptive_every >= '1 second'),
	adaptive_min_width	double precision NOT NULL DEFAULT 0 CHECK (adaptive_min_width >= 0 AND adaptive_min_width < 'Infinity'),
	seasonal	boolean NOT NULL DEFAULT false,
	timezone	text NOT NULL DEFAULT 'UTC',
	regime		boolean NOT NULL DEFAULT false,
	owner		name NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	updated_by	text NOT NULL DEFAULT session_user,
	CHECK (CASE source WHEN 'metric' THEN metric IS NOT NULL WHEN 'trade' THEN metric IS NOT NULL
		   WHEN 'query' THEN query IS NOT NULL ELSE components IS NOT NULL END),
	CHECK (adaptive IS DISTINCT FROM 'quantile' OR (coalesce(adaptive_warning, 0.5) < 1 AND coalesce(adaptive_critical, 0.5) < 1)),
	CHECK (adaptive IS NULL OR coalesce(adaptive_warning, adaptive_critical) IS NOT NULL)
);
COMMENT ON TABLE pulse.alert_rule IS 'what is worth an alert; change it with pulse_alert_rule_set()';
COMMENT ON COLUMN pulse.alert_rule.name IS 'how it is called everywhere';
COMMENT ON COLUMN pulse.alert_rule.kind IS 'what it is about: PERFORMANCE, RISK, SYSTEM, TRADE or CUSTOM';
COMMENT ON COLUMN pulse.alert_rule.source IS 'where its values come from: metric (of each portfolio), query (SQL), health (status of components), trade (each fill)';
COMMENT ON COLUMN pulse.alert_rule.metric IS 'for source metric, a column of pulse_performance(), a risk figure or a registered metric; for source trade, a property of a fill';
COMMENT ON COLUMN pulse.alert_rule.query IS 'for source query, a SELECT with columns value and, where it likes, portfolio, symbol and message';
COMMENT ON COLUMN pulse.alert_rule.search_path IS 'schemas in which the names of the query are looked up';
COMMENT ON COLUMN pulse.alert_rule.components IS 'for source health, patterns of component names; ! in front excludes';
COMMENT ON COLUMN pulse.alert_rule.title IS 'heading of its alerts';
COMMENT ON COLUMN pulse.alert_rule.description IS 'what it means and what to do';
COMMENT ON COLUMN pulse.alert_rule.unit IS 'how its values are written in messages';
COMMENT ON COLUMN pulse.alert_rule.enabled IS 'whether it is evaluated';
COMMENT ON COLUMN pulse.alert_rule.comparator IS 'how a value relates to a threshold when it is bad';
COMMENT ON COLUMN pulse.alert_rule.warning IS 'threshold of a warning; NULL: that of warning_key, or none';
COMMENT ON COLUMN pulse.alert_rule.critical IS 'threshold of a critical alert; NULL: that of critical_key, or none';
COMMENT ON COLUMN pulse.alert_rule.warning_key IS 'the setting that has the threshold while warning is NULL';
COMMENT ON COLUMN pulse.alert_rule.critical_key IS 'the setting that has the threshold while critical is NULL';
COMMENT ON COLUMN pulse.alert_rule.hysteresis IS 'how far on the good side of a threshold a value must be to be good again, in its own unit';
COMMENT ON COLUMN pulse.alert_rule.hold IS 'how long a value must be bad before the alert fires';
COMMENT ON COLUMN pulse.alert_rule.clear_hold IS 'how long it must be good before the alert is resolved';
COMMENT ON COLUMN pulse.alert_rule.min_duration IS 'how long an alert fires at least';
COMMENT ON COLUMN pulse.alert_rule.missing IS 'what an undefined value means: keep (as before), clear or alert';
COMMENT ON COLUMN pulse.alert_rule.min_trades IS 'a metric of a portfolio with fewer closed trades counts as undefined';
COMMENT ON COLUMN pulse.alert_rule.flap_count IS 'as many firings within flap_window are flapping; 0: never';
COMMENT ON COLUMN pulse.alert_rule.flap_window IS 'a flapping alert stays until the value has been good for so long';
COMMENT ON COLUMN pulse.alert_rule.warning_severity IS 'severity beyond the warning threshold';
COMMENT ON COLUMN pulse.alert_rule.critical_severity IS 'severity beyond the critical threshold';
COMMENT ON COLUMN pulse.alert_rule.portfolios IS 'patterns of portfolios that it is for; NULL: all';
COMMENT ON COLUMN pulse.alert_rule.symbols IS 'patterns of symbols that it is for; NULL: all';
COMMENT ON COLUMN pulse.alert_rule.active_hours IS 'when it is evaluated: {"timezone", "days" (1 Monday to 7), "from", "to"}; NULL: always';
COMMENT ON COLUMN pulse.alert_rule.inhibited_by IS 'patterns of rules; while one of their alerts fires, this rule''s are not told';
COMMENT ON COLUMN pulse.alert_rule.notify IS 'whether people are told, else its alerts are only listed and streamed';
COMMENT ON COLUMN pulse.alert_rule.notify_resolved IS 'whether people are told when it is over';
COMMENT ON COLUMN pulse.alert_rule.route IS 'names of channels for its messages, in their data; NULL: the usual ones';
COMMENT ON COLUMN pulse.alert_rule.group_by IS 'alerts that agree in these are told in one message when there are many at once';
COMMENT ON COLUMN pulse.alert_rule.remind_every IS 'how often people are told again while nobody acknowledges it; NULL: never';
COMMENT ON COLUMN pulse.alert_rule.escalate_after IS 'when a critical alert that nobody acknowledges is escalated; NULL: never';
COMMENT ON COLUMN pulse.alert_rule.every IS 'how often a query runs, or a figure that is costly is computed';
COMMENT ON COLUMN pulse.alert_rule.adaptive IS 'thresholds from the value''s own history: ewma (mean and deviation) or quantile; NULL: fixed ones';
COMMENT ON COLUMN pulse.alert_rule.adaptive_warning IS 'ewma: how many deviations from the mean; quantile: its probability';
COMMENT ON COLUMN pulse.alert_rule.adaptive_critical IS 'likewise, for the critical threshold';
COMMENT ON COLUMN pulse.alert_rule.adaptive_half_life IS 'after so many samples one counts half';
COMMENT ON COLUMN pulse.alert_rule.adaptive_samples IS 'with fewer samples the fixed thresholds hold';
COMMENT ON COLUMN pulse.alert_rule.adaptive_window IS 'how many samples are kept for quantiles';
COMMENT ON COLUMN pulse.alert_rule.adaptive_every IS 'how often a sample is taken';
COMMENT ON COLUMN pulse.alert_rule.adaptive_min_width IS 'how far a threshold is from the centre at least';
COMMENT ON COLUMN pulse.alert_rule.seasonal IS 'whether each hour of the day has thresholds of its own';
COMMENT ON COLUMN pulse.alert_rule.timezone IS 'IANA zone of those hours';
COMMENT ON COLUMN pulse.alert_rule.regime IS 'whether thresholds are scaled by the volatility of now against that of the long run';
COMMENT ON COLUMN pulse.alert_rule.owner IS 'as whom the query runs';
COMMENT ON COLUMN pulse.alert_rule.created_at IS 'when it was made';
COMMENT ON COLUMN pulse.alert_rule.updated_at IS 'when it was last changed';
COMMENT ON COLUMN pulse.alert_rule.updated_by IS 'by which role';

CREATE TABLE pulse.alert_rule_state (
	rule		text COLLATE "C" PRIMARY KEY REFERENCES pulse.alert_rule ON DELETE CASCADE,
	fresh		boolean NOT NULL DEFAULT true,
	awake		boolean NOT NULL DEFAULT true,
	next_at		timestamptz NOT NULL DEFAULT '-infinity',
	evaluated_at	timestamptz,
	last_error	text,
	last_error_at	timestamptz,
	failing		integer NOT NULL DEFAULT 0,
	errors		bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.alert_rule_state IS 'how the evaluation of each rule goes';
COMMENT ON COLUMN pulse.alert_rule_state.rule IS 'the rule';
COMMENT ON COLUMN pulse.alert_rule_state.fresh IS 'whether it must look at everything, not only at what changed: it is new, changed, or was asleep';
COMMENT ON COLUMN pulse.alert_rule_state.awake IS 'whether the last evaluation lay in its active hours';
COMMENT ON COLUMN pulse.alert_rule_state.next_at IS 'when a figure that is costly is due again';
COMMENT ON COLUMN pulse.alert_rule_state.evaluated_at IS 'when it was last evaluated by the clock';
COMMENT ON COLUMN pulse.alert_rule_state.last_error IS 'why it could not be evaluated; NULL: it could';
COMMENT ON COLUMN pulse.alert_rule_state.last_error_at IS 'when that was';
COMMENT ON COLUMN pulse.alert_rule_state.failing IS 'errors in a row';
COMMENT ON COLUMN pulse.alert_rule_state.errors IS 'all errors so far';

CREATE TABLE pulse.alert (
	alert_id	bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	rule		text COLLATE "C" NOT NULL,
	kind		text NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text COLLATE "C" NOT NULL DEFAULT '',
	component	text COLLATE "C" NOT NULL DEFAULT '',
	state		text NOT NULL CHECK (state IN ('pending', 'firing', 'acknowledged', 'resolved')),
	severity	text NOT NULL CHECK (severity IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	level		smallint NOT NULL DEFAULT 0,
	condition	smallint NOT NULL DEFAULT 0,
	flapping	boolean NOT NULL DEFAULT false,
	title		text NOT NULL,
	message		text NOT NULL DEFAULT '',
	note		text,
	value		double precision,
	warning		double precision,
	critical	double precision,
	threshold	double precision,
	since		timestamptz NOT NULL,
	updated_at	timestamptz NOT NULL,
	breached_at	timestamptz,
	critical_at	timestamptz,
	eased_at	timestamptz,
	cleared_at	timestamptz,
	fired_at	timestamptz,
	firings		timestamptz[] NOT NULL DEFAULT '{}',
	count		bigint NOT NULL DEFAULT 0,
	acknowledged_by	text,
	acknowledged_at	timestamptz,
	resolved_at	timestamptz,
	resolution	text,
	due_at		timestamptz,
	remind_at	timestamptz,
	escalate_at	timestamptz,
	next_at		timestamptz GENERATED ALWAYS AS (least(due_at, remind_at, escalate_at)) STORED,
	tell		boolean NOT NULL DEFAULT false,
	told_at		timestamptz,
	told_level	smallint,
	silenced_by	bigint,
	muted_by	text,
	recheck_at	timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX alert_live_key ON pulse.alert (rule, portfolio, symbol, component) WHERE state <> 'resolved';
CREATE INDEX alert_portfolio_idx ON pulse.alert (portfolio) WHERE state <> 'resolved';
CREATE INDEX alert_resolved_idx ON pulse.alert (rule, portfolio, symbol, component, resolved_at) WHERE state = 'resolved';
CREATE INDEX alert_old_idx ON pulse.alert (resolved_at) WHERE state = 'resolved';
CREATE INDEX alert_next_idx ON pulse.alert (next_at) WHERE state <> 'resolved' AND next_at IS NOT NULL;
CREATE INDEX alert_tell_idx ON pulse.alert (alert_id) WHERE tell;
CREATE INDEX alert_muted_idx ON pulse.alert (alert_id) WHERE state <> 'resolved' AND muted_by IS NOT NULL;
COMMENT ON TABLE pulse.alert IS 'alerts: pending, firing, acknowledged, and resolved ones for alerts.retention';
COMMENT ON COLUMN pulse.alert.alert_id IS 'its number';
COMMENT ON COLUMN pulse.alert.rule IS 'the rule that raised it';
COMMENT ON COLUMN pulse.alert.kind IS 'kind of the rule';
COMMENT ON COLUMN pulse.alert.portfolio IS 'what it is about; empty: no particular one';
COMMENT ON COLUMN pulse.alert.symbol IS 'likewise';
COMMENT ON COLUMN pulse.alert.component IS 'likewise';
COMMENT ON COLUMN pulse.alert.state IS 'extension/doc/alerts.md says what follows what';
COMMENT ON COLUMN pulse.alert.severity IS 'by its level and the rule';
COMMENT ON COLUMN pulse.alert.level IS '1 warning, 2 critical: the level at which it fires';
COMMENT ON COLUMN pulse.alert.condition IS 'how the last value was judged: 0 good, 1 warning, 2 critical';
COMMENT ON COLUMN pulse.alert.flapping IS 'it came and went so often that it stays until it is quiet';
COMMENT ON COLUMN pulse.alert.title IS 'heading for people';
COMMENT ON COLUMN pulse.alert.message IS 'text for people';
COMMENT ON COLUMN pulse.alert.note IS 'what its source said about the value';
COMMENT ON COLUMN pulse.alert.value IS 'the newest value';
COMMENT ON COLUMN pulse.alert.warning IS 'the warning threshold that applies; an adaptive one is frozen while it fires';
COMMENT ON COLUMN pulse.alert.critical IS 'likewise, for the critical one';
COMMENT ON COLUMN pulse.alert.threshold IS 'the one of its level';
COMMENT ON COLUMN pulse.alert.since IS 'since when the value has been bad';
COMMENT ON COLUMN pulse.alert.updated_at IS 'when anything about it last changed';
COMMENT ON COLUMN pulse.alert.breached_at IS 'since when the value has been bad without a break';
COMMENT ON COLUMN pulse.alert.critical_at IS 'since when it has been critical';
COMMENT ON COLUMN pulse.alert.eased_at IS 'since when it has been better than the level';
COMMENT ON COLUMN pulse.alert.cleared_at IS 'since when it has been good';
COMMENT ON COLUMN pulse.alert.fired_at IS 'when it began to fire';
COMMENT ON COLUMN pulse.alert.firings IS 'when this and its predecessors fired, within flap_window';
COMMENT ON COLUMN pulse.alert.count IS 'how often it fired within flap_window';
COMMENT ON COLUMN pulse.alert.acknowledged_by IS 'who said that he takes care of it';
COMMENT ON COLUMN pulse.alert.acknowledged_at IS 'and when';
COMMENT ON COLUMN pulse.alert.resolved_at IS 'when it was over';
COMMENT ON COLUMN pulse.alert.resolution IS 'why: cleared, gone (what it was about is no more), rule (changed, disabled or dropped), momentary';
COMMENT ON COLUMN pulse.alert.due_at IS 'when time alone changes its state';
COMMENT ON COLUMN pulse.alert.remind_at IS 'when people are told again';
COMMENT ON COLUMN pulse.alert.escalate_at IS 'when it is escalated';
COMMENT ON COLUMN pulse.alert.next_at IS 'the earliest of the three';
COMMENT ON COLUMN pulse.alert.tell IS 'whether there is something that people have not been told';
COMMENT ON COLUMN pulse.alert.told_at IS 'when they were last told';
COMMENT ON COLUMN pulse.alert.told_level IS 'which level they know of; NULL: they know nothing of it';
COMMENT ON COLUMN pulse.alert.silenced_by IS 'the silence that keeps it quiet';
COMMENT ON COLUMN pulse.alert.muted_by IS 'why people are not told: silence, maintenance, or the rule that inhibits it';
COMMENT ON COLUMN pulse.alert.recheck_at IS 'when it is looked at again whether it is still muted';

CREATE TABLE pulse.alert_history (
	history_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	alert_id	bigint NOT NULL,
	at			timestamptz NOT NULL,
	transition	text NOT NULL,
	state		text NOT NULL,
	rule		text NOT NULL,
	kind		text NOT NULL,
	severity	text NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text NOT NULL DEFAULT '',
	component	text NOT NULL DEFAULT '',
	title		text NOT NULL,
	message		text NOT NULL,
	value		double precision,
	threshold	double precision,
	since		timestamptz NOT NULL,
	count		bigint NOT NULL DEFAULT 1,
	actor		text,
	role		text NOT NULL DEFAULT session_user,
	note		text,
	event_seq	bigint
);
CREATE INDEX alert_history_alert_idx ON pulse.alert_history (alert_id, history_id);
CREATE INDEX alert_history_time_idx ON pulse.alert_history (at);
CREATE INDEX alert_history_unannounced_idx ON pulse.alert_history (history_id) WHERE event_seq IS NULL;
COMMENT ON TABLE pulse.alert_history IS 'everything that happened to alerts, and who did it; kept for alerts.retention';
COMMENT ON COLUMN pulse.alert_history.history_id IS 'in this order';
COMMENT ON COLUMN pulse.alert_history.alert_id IS 'the alert';
COMMENT ON COLUMN pulse.alert_history.at IS 'when';
COMMENT ON COLUMN pulse.alert_history.transition IS 'began, withdrawn, fired, raised, lowered, repeated, acknowledged, reminded, escalated, resolved';
COMMENT ON COLUMN pulse.alert_history.state IS 'its state afterwards; inactive after withdrawn';
COMMENT ON COLUMN pulse.alert_history.rule IS 'as the alert had it then, like all that follow';
COMMENT ON COLUMN pulse.alert_history.kind IS 'kind of the rule';
COMMENT ON COLUMN pulse.alert_history.severity IS 'severity afterwards';
COMMENT ON COLUMN pulse.alert_history.portfolio IS 'what the alert is about';
COMMENT ON COLUMN pulse.alert_history.symbol IS 'what the alert is about';
COMMENT ON COLUMN pulse.alert_history.component IS 'what the alert is about';
COMMENT ON COLUMN pulse.alert_history.title IS 'heading';
COMMENT ON COLUMN pulse.alert_history.message IS 'text';
COMMENT ON COLUMN pulse.alert_history.value IS 'value then';
COMMENT ON COLUMN pulse.alert_history.threshold IS 'threshold then';
COMMENT ON COLUMN pulse.alert_history.since IS 'since when the value had been bad';
COMMENT ON COLUMN pulse.alert_history.count IS 'firings within flap_window';
COMMENT ON COLUMN pulse.alert_history.actor IS 'the person who did it, as he was named; NULL: the evaluation';
COMMENT ON COLUMN pulse.alert_history.role IS 'the role that was logged in';
COMMENT ON COLUMN pulse.alert_history.note IS 'what the person said about it';
COMMENT ON COLUMN pulse.alert_history.event_seq IS 'the SYSTEM_ALERT that announced it; NULL: the next tick does; 0: none is wanted';

CREATE TABLE pulse.acknowledgement (
	acknowledgement_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	alert_id	bigint NOT NULL,
	actor		text NOT NULL CHECK (actor <> '' AND length(actor) <= 200),
	note		text CHECK (length(note) <= 2000),
	at			timestamptz NOT NULL DEFAULT now(),
	role		text NOT NULL DEFAULT session_user,
	created_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.acknowledgement IS 'who said that he takes care of which alert; writing a row, as pulse_ack() does, acknowledges it. Kept for alerts.retention';
COMMENT ON COLUMN pulse.acknowledgement.acknowledgement_id IS 'in this order';
COMMENT ON COLUMN pulse.acknowledgement.alert_id IS 'the alert';
COMMENT ON COLUMN pulse.acknowledgement.actor IS 'the person, as he was named';
COMMENT ON COLUMN pulse.acknowledgement.note IS 'what he said about it';
COMMENT ON COLUMN pulse.acknowledgement.at IS 'when';
COMMENT ON COLUMN pulse.acknowledgement.role IS 'the role that was logged in';
COMMENT ON COLUMN pulse.acknowledgement.created_at IS 'when it was written';

CREATE TABLE pulse.silence (
	silence_id	bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	matcher		jsonb NOT NULL CHECK (jsonb_typeof(matcher) = 'object'),
	starts_at	timestamptz NOT NULL DEFAULT now(),
	until		timestamptz NOT NULL,
	reason		text,
	created_by	text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	role		text NOT NULL DEFAULT session_user,
	ended_at	timestamptz,
	ended_by	text,
	CHECK (until > starts_at)
);
CREATE INDEX silence_until_idx ON pulse.silence (until);
COMMENT ON TABLE pulse.silence IS 'alerts that people do not want to be told of for a while; change it with pulse_silence() and pulse_unsilence()';
COMMENT ON COLUMN pulse.silence.silence_id IS 'its number';
COMMENT ON COLUMN pulse.silence.matcher IS 'rule, kind, severity, portfolio, symbol, component to a value, an array of values, or patterns with *; all of them must fit';
COMMENT ON COLUMN pulse.silence.starts_at IS 'from when';
COMMENT ON COLUMN pulse.silence.until IS 'to when';
COMMENT ON COLUMN pulse.silence.reason IS 'why';
COMMENT ON COLUMN pulse.silence.created_by IS 'who, as he was named';
COMMENT ON COLUMN pulse.silence.created_at IS 'when it was made';
COMMENT ON COLUMN pulse.silence.role IS 'the role that was logged in';
COMMENT ON COLUMN pulse.silence.ended_at IS 'when somebody ended it before its time';
COMMENT ON COLUMN pulse.silence.ended_by IS 'who did';

CREATE TABLE pulse.maintenance (
	name		text PRIMARY KEY CHECK (name <> '' AND length(name) <= 100),
	matcher		jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(matcher) = 'object'),
	starts_at	timestamptz,
	ends_at		timestamptz,
	days		integer[] CHECK (days <@ '{1,2,3,4,5,6,7}' AND cardinality(days) > 0),
	local_time	time,
	duration	interval CHECK (duration > '0' AND duration <= '7 days'),
	timezone	text NOT NULL DEFAULT 'UTC',
	reason		text,
	enabled		boolean NOT NULL DEFAULT true,
	updated_at	timestamptz NOT NULL DEFAULT now(),
	updated_by	text NOT NULL DEFAULT session_user,
	CHECK (CASE WHEN local_time IS NULL THEN days IS NULL AND starts_at < ends_at ELSE duration IS NOT NULL END)
);
COMMENT ON TABLE pulse.maintenance IS 'planned times in which alerts are not told: once, or again and again; change it with pulse_maintenance_set()';
COMMENT ON COLUMN pulse.maintenance.name IS 'how it is called';
COMMENT ON COLUMN pulse.maintenance.matcher IS 'which alerts, as in pulse.silence';
COMMENT ON COLUMN pulse.maintenance.starts_at IS 'once: when it begins; recurring: not before this';
COMMENT ON COLUMN pulse.maintenance.ends_at IS 'once: when it ends; recurring: none begins after this';
COMMENT ON COLUMN pulse.maintenance.days IS 'recurring: days of the week, 1 Monday to 7 Sunday; NULL: every day';
COMMENT ON COLUMN pulse.maintenance.local_time IS 'recurring: when each begins, by the clocks of timezone; NULL: it is once';
COMMENT ON COLUMN pulse.maintenance.duration IS 'recurring: how long each lasts';
COMMENT ON COLUMN pulse.maintenance.timezone IS 'IANA zone';
COMMENT ON COLUMN pulse.maintenance.reason IS 'why';
COMMENT ON COLUMN pulse.maintenance.enabled IS 'whether it takes place';
COMMENT ON COLUMN pulse.maintenance.updated_at IS 'when it was last changed';
COMMENT ON COLUMN pulse.maintenance.updated_by IS 'by which role';

CREATE TABLE pulse.alert_band (
	rule		text COLLATE "C" NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text COLLATE "C" NOT NULL DEFAULT '',
	component	text COLLATE "C" NOT NULL DEFAULT '',
	hour		smallint NOT NULL DEFAULT -1 CHECK (hour BETWEEN -1 AND 23),
	samples		bigint NOT NULL DEFAULT 0,
	mean		double precision NOT NULL DEFAULT 0,
	variance	double precision NOT NULL DEFAULT 0,
	newest		double precision[],
	sampled_at	timestamptz NOT NULL,
	warning		double precision,
	critical	double precision,
	PRIMARY KEY (rule, portfolio, symbol, component, hour)
) WITH (fillfactor = 70);
COMMENT ON TABLE pulse.alert_band IS 'what adaptive thresholds have learnt';
COMMENT ON COLUMN pulse.alert_band.rule IS 'the rule';
COMMENT ON COLUMN pulse.alert_band.portfolio IS 'what it is about, as in pulse.alert';
COMMENT ON COLUMN pulse.alert_band.symbol IS 'likewise';
COMMENT ON COLUMN pulse.alert_band.component IS 'likewise';
COMMENT ON COLUMN pulse.alert_band.hour IS 'hour of the day, where the rule is seasonal; else -1';
COMMENT ON COLUMN pulse.alert_band.samples IS 'how many values it has seen';
COMMENT ON COLUMN pulse.alert_band.mean IS 'exponentially weighted';
COMMENT ON COLUMN pulse.alert_band.variance IS 'exponentially weighted';
COMMENT ON COLUMN pulse.alert_band.newest IS 'the newest values, oldest first, where quantiles are asked for';
COMMENT ON COLUMN pulse.alert_band.sampled_at IS 'when the last sample was taken';
COMMENT ON COLUMN pulse.alert_band.warning IS 'the threshold that pulse.threshold_history has last; it gets a row when it has moved by a hundredth of its distance from the mean';
COMMENT ON COLUMN pulse.alert_band.critical IS 'likewise';

CREATE TABLE pulse.alert_regime (
	portfolio	text COLLATE "C" PRIMARY KEY,
	day			date NOT NULL,
	daily_return	double precision,
	fast		double precision NOT NULL DEFAULT 0,
	slow		double precision NOT NULL DEFAULT 0,
	samples		bigint NOT NULL DEFAULT 0,
	factor		double precision NOT NULL DEFAULT 1
) WITH (fillfactor = 70);
COMMENT ON TABLE pulse.alert_regime IS 'volatility of each portfolio now against the long run, where a rule asks for it';
COMMENT ON COLUMN pulse.alert_regime.portfolio IS 'the portfolio';
COMMENT ON COLUMN pulse.alert_regime.day IS 'the UTC day that is not over yet';
COMMENT ON COLUMN pulse.alert_regime.daily_return IS 'its return so far; it counts when the day is over';
COMMENT ON COLUMN pulse.alert_regime.fast IS 'exponentially weighted mean of squared daily returns, lambda 0.94';
COMMENT ON COLUMN pulse.alert_regime.slow IS 'the same with lambda 0.99';
COMMENT ON COLUMN pulse.alert_regime.samples IS 'how many days it has seen';
COMMENT ON COLUMN pulse.alert_regime.factor IS 'root of fast over slow, from 0.5 to 2; 1 with fewer than 20 days';

CREATE TABLE pulse.threshold_history (
	at			timestamptz NOT NULL,
	rule		text COLLATE "C" NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text COLLATE "C" NOT NULL DEFAULT '',
	component	text COLLATE "C" NOT NULL DEFAULT '',
	hour		smallint NOT NULL DEFAULT -1,
	warning		double precision,
	critical	double precision,
	reason		text NOT NULL,
	samples		bigint,
	mean		double precision,
	deviation	double precision,
	factor		double precision
);
CREATE INDEX threshold_history_idx ON pulse.threshold_history (rule, portfolio, at);
CREATE INDEX threshold_history_time_idx ON pulse.threshold_history (at);
COMMENT ON TABLE pulse.threshold_history IS 'which thresholds applied from when on, and why; kept for alerts.threshold_retention';
COMMENT ON COLUMN pulse.threshold_history.at IS 'from when on';
COMMENT ON COLUMN pulse.threshold_history.rule IS 'the rule';
COMMENT ON COLUMN pulse.threshold_history.portfolio IS 'what it is about; empty: everything that the rule judges';
COMMENT ON COLUMN pulse.threshold_history.symbol IS 'likewise';
COMMENT ON COLUMN pulse.threshold_history.component IS 'likewise';
COMMENT ON COLUMN pulse.threshold_history.hour IS 'the hour of the day that it is for; -1: all';
COMMENT ON COLUMN pulse.threshold_history.warning IS 'warning threshold, NULL: none';
COMMENT ON COLUMN pulse.threshold_history.critical IS 'critical threshold, NULL: none';
COMMENT ON COLUMN pulse.threshold_history.reason IS 'fixed (as the rule says), adaptive (learnt), frozen (an alert fires), regime (volatility changed), relearn (the history was forgotten)';
COMMENT ON COLUMN pulse.threshold_history.samples IS 'how many values it was learnt from';
COMMENT ON COLUMN pulse.threshold_history.mean IS 'their mean';
COMMENT ON COLUMN pulse.threshold_history.deviation IS 'their standard deviation';
COMMENT ON COLUMN pulse.threshold_history.factor IS 'volatility-regime factor, NULL: none was asked for';

CREATE TABLE pulse.alert_evaluation (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	evaluated_at	timestamptz,
	version		bigint NOT NULL DEFAULT -1,
	marked_at	timestamptz NOT NULL DEFAULT '-infinity',
	marks_at	timestamptz NOT NULL DEFAULT '-infinity',
	trade_seq	bigint,
	health_at	timestamptz,
	swept_at	timestamptz NOT NULL DEFAULT '-infinity',
	storm_at	timestamptz,
	defaults_at	timestamptz,
	health_status	text
) WITH (fillfactor = 10);
INSERT INTO pulse.alert_evaluation DEFAULT VALUES;
COMMENT ON TABLE pulse.alert_evaluation IS 'how far the evaluation of alerts has come; its row is locked by whoever evaluates';
COMMENT ON COLUMN pulse.alert_evaluation.singleton IS 'there is one row';
COMMENT ON COLUMN pulse.alert_evaluation.evaluated_at IS 'when it was last done';
COMMENT ON COLUMN pulse.alert_evaluation.version IS 'the newest version of pulse.performance_state that was judged';
COMMENT ON COLUMN pulse.alert_evaluation.marked_at IS 'the newest market price that was judged';
COMMENT ON COLUMN pulse.alert_evaluation.marks_at IS 'when market prices were last looked at';
COMMENT ON COLUMN pulse.alert_evaluation.trade_seq IS 'the newest TRADE_ALERT that was judged';
COMMENT ON COLUMN pulse.alert_evaluation.health_at IS 'when the health was last looked at';
COMMENT ON COLUMN pulse.alert_evaluation.health_status IS 'what pulse.sequencer said of it then';
COMMENT ON COLUMN pulse.alert_evaluation.swept_at IS 'when leftovers were last removed';
COMMENT ON COLUMN pulse.alert_evaluation.storm_at IS 'since when there has been a storm of alerts; NULL: there is none';
COMMENT ON COLUMN pulse.alert_evaluation.defaults_at IS 'when the shipped rules were added; what was dropped since does not come back by itself';

CREATE TYPE pulse.observation AS (
	rule		text,
	portfolio	text,
	symbol		text,
	component	text,
	value		double precision,
	warning		double precision,
	critical	double precision,
	note		text,
	gone		boolean
);
COMMENT ON TYPE pulse.observation IS 'a value that a rule looks at, with the thresholds that apply to it';
COMMENT ON COLUMN pulse.observation.rule IS 'name of the rule';
COMMENT ON COLUMN pulse.observation.portfolio IS 'portfolio that the value belongs to; empty: none';
COMMENT ON COLUMN pulse.observation.symbol IS 'symbol that it belongs to; empty: none';
COMMENT ON COLUMN pulse.observation.component IS 'component that it belongs to; empty: none';
COMMENT ON COLUMN pulse.observation.value IS 'the value; NULL is judged as the rule says of missing ones';
COMMENT ON COLUMN pulse.observation.warning IS 'threshold of a warning; NULL: none';
COMMENT ON COLUMN pulse.observation.critical IS 'threshold of a critical one; NULL: none';
COMMENT ON COLUMN pulse.observation.note IS 'what the message says besides';
COMMENT ON COLUMN pulse.observation.gone IS 'what it is about is there no longer: its alert is resolved';

REVOKE ALL ON pulse.acknowledgement, pulse.alert_rule, pulse.alert_rule_state, pulse.alert, pulse.alert_history, pulse.silence, pulse.maintenance,
	pulse.alert_band, pulse.alert_regime, pulse.threshold_history, pulse.alert_evaluation FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.alert_rule', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.maintenance', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.silence', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.silence_silence_id_seq', '');
