-- What each level of pulse_grant() opens. Every file of the schema adds rows for what it creates.

CREATE TABLE pulse.privilege (
	level		text NOT NULL CHECK (level IN ('reader', 'operator', 'admin', 'worker')),
	kind		text NOT NULL CHECK (kind IN ('table', 'function')),
	name		text NOT NULL,
	privilege	text NOT NULL CHECK (privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'EXECUTE')),
	PRIMARY KEY (level, kind, name, privilege)
);
COMMENT ON TABLE pulse.privilege IS 'what the levels of pulse_grant() may do: operator includes reader, admin includes operator, worker includes reader';
COMMENT ON COLUMN pulse.privilege.level IS 'reader, operator, admin or worker';
COMMENT ON COLUMN pulse.privilege.kind IS 'table (or view), or function';
COMMENT ON COLUMN pulse.privilege.name IS 'of a table in schema pulse, or of a function of the extension with all its forms';
COMMENT ON COLUMN pulse.privilege.privilege IS 'SELECT, INSERT, UPDATE, DELETE, or EXECUTE';

INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['source', 'target', 'config', 'config_key', 'config_history', 'worker_state',
		'notification_type', 'event', 'delivery', 'health_sample', 'heartbeat', 'fill', 'position', 'closed_trade', 'finding',
		'dirty', 'sequencer', 'worker', 'performance_state', 'privilege']), 'SELECT'
	UNION ALL SELECT 'reader', 'function', unnest(ARRAY['pulse_worker_status']), 'EXECUTE'
	UNION ALL SELECT 'operator', 'function', unnest(ARRAY['pulse_heartbeat', 'pulse_notify', 'pulse_send_trade_notification',
		'pulse_send_performance_alert', 'pulse_send_risk_alert', 'pulse_send_system_alert']), 'EXECUTE'
	UNION ALL SELECT 'admin', 'function', unnest(ARRAY['pulse_config_set', 'pulse_config_reset', 'pulse_apply_environment',
		'pulse_tick', 'pulse_worker_start', 'pulse_worker_stop', 'pulse_record_health']), 'EXECUTE'
	UNION ALL SELECT 'worker', 'function', unnest(ARRAY['pulse_tick', 'pulse_worker_start', 'pulse_record_health', 'pulse_heartbeat',
		'pulse_notify']), 'EXECUTE'
	UNION ALL VALUES ('worker', 'table', 'delivery', 'UPDATE'), ('worker', 'table', 'worker_state', 'INSERT'),
		('worker', 'table', 'worker_state', 'UPDATE');
