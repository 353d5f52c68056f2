-- The figures of each portfolio as the tick last computed them: what alert rules compare with their levels.

CREATE SEQUENCE pulse.performance_version;

CREATE TABLE pulse.performance_state (
	portfolio	text COLLATE "C" PRIMARY KEY,
	computed_at	timestamptz NOT NULL,
	version		bigint NOT NULL,
	reader		oid NOT NULL,
	ts			timestamptz,
	total_value	numeric,
	cash_balance	numeric,
	position_count	integer,
	unrealized_pnl	numeric,
	realized_pnl	numeric,
	total_pnl	numeric,
	daily_return	double precision,
	cumulative_return	double precision,
	cagr		double precision,
	sharpe		double precision,
	sortino		double precision,
	calmar		double precision,
	volatility	double precision,
	max_drawdown	double precision,
	current_drawdown	double precision,
	var_95		double precision,
	cvar_95		double precision,
	win_rate	double precision,
	profit_factor	double precision,
	average_win	double precision,
	average_loss	double precision,
	total_trades	bigint,
	trades_per_day	double precision
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX performance_state_version_idx ON pulse.performance_state (version);
COMMENT ON TABLE pulse.performance_state IS
	'pulse_performance() of each portfolio as of its last change that a tick has processed, rewritten at most once per pulse.performance_interval; a figure that is undefined or not finite is NULL. A portfolio without any row has none here';
COMMENT ON COLUMN pulse.performance_state.reader IS 'role as which the figures were computed: the owner of the table of snapshots';
COMMENT ON COLUMN pulse.performance_state.version IS 'grows with every rewrite, over all portfolios: who remembers the largest one he has seen finds what is new';

-- In the queue from the tick that saw the change to the one that computed the figures: what a crash interrupts is
-- taken up again.
CREATE TABLE pulse.performance_due (
	portfolio	text COLLATE "C" PRIMARY KEY,
	reader		oid NOT NULL,
	generation	bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE pulse.performance_due IS 'portfolios whose row in pulse.performance_state is older than their state';
COMMENT ON COLUMN pulse.performance_due.reader IS 'role as which the figures are computed';
COMMENT ON COLUMN pulse.performance_due.generation IS 'renewed by every change: who has computed the figures removes only the row that he found before';
REVOKE ALL ON pulse.performance_state, pulse.performance_due, pulse.performance_version FROM PUBLIC;

CREATE FUNCTION pulse.store_performance(portfolios text[], readers oid[], data jsonb[], generations bigint[]) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	DELETE FROM pulse.performance_due d
		USING unnest($1, $4) AS n (portfolio, generation)
		WHERE d.portfolio = n.portfolio AND d.generation = n.generation;
	DELETE FROM pulse.performance_state s
		USING unnest($1, $3) AS n (portfolio, data)
		WHERE s.portfolio = n.portfolio AND n.data ->> 'ts' IS NULL AND n.data ->> 'realized_pnl' IS NULL;
	INSERT INTO pulse.performance_state AS s
		SELECT r.* FROM unnest($1, $2, $3) AS n (portfolio, reader, data)
		CROSS JOIN LATERAL jsonb_populate_record(NULL::pulse.performance_state, n.data || jsonb_build_object(
			'portfolio', n.portfolio, 'reader', n.reader, 'computed_at', clock_timestamp(), 'version', nextval('pulse.performance_version'))) r
		WHERE n.data ->> 'ts' IS NOT NULL OR n.data ->> 'realized_pnl' IS NOT NULL
		ORDER BY n.portfolio
	ON CONFLICT (portfolio) DO UPDATE SET
		(computed_at, version, reader, ts, total_value, cash_balance, position_count, unrealized_pnl, realized_pnl, total_pnl,
		 daily_return, cumulative_return, cagr, sharpe, sortino, calmar, volatility, max_drawdown, current_drawdown, var_95,
		 cvar_95, win_rate, profit_factor, average_win, average_loss, total_trades, trades_per_day)
		= (excluded.computed_at, excluded.version, excluded.reader, excluded.ts, excluded.total_value, excluded.cash_balance,
		 excluded.position_count, excluded.unrealized_pnl, excluded.realized_pnl, excluded.total_pnl, excluded.daily_return,
		 excluded.cumulative_return, excluded.cagr, excluded.sharpe, excluded.sortino, excluded.calmar, excluded.volatility,
		 excluded.max_drawdown, excluded.current_drawdown, excluded.var_95, excluded.cvar_95, excluded.win_rate,
		 excluded.profit_factor, excluded.average_win, excluded.average_loss, excluded.total_trades, excluded.trades_per_day)
	$$;
REVOKE ALL ON FUNCTION pulse.store_performance(text[], oid[], jsonb[], bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION pulse.store_performance(text[], oid[], jsonb[], bigint[]) IS
	'Writes figures, as pulse.performance_data() gives them, to pulse.performance_state and takes the portfolios off pulse.performance_due unless they have changed since; a portfolio that has no snapshot and no fill any more loses its row.';
