-- Aggregates over the profit or loss of closed trades, all of one transition.

CREATE FUNCTION pulse.pnl_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_accum(internal, float8) IS
	'Internal: transition of aggregates over profit and loss.';
CREATE FUNCTION pulse.pnl_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_accum(internal, numeric) IS
	'Internal: transition of aggregates over profit and loss.';
CREATE FUNCTION pulse.pnl_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_combine(internal, internal) IS 'Internal: merges the states of two parallel workers over profit and loss.';
CREATE FUNCTION pulse.pnl_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_pnl_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_serialize(internal) IS 'Internal: writes a state over profit and loss for another process.';
CREATE FUNCTION pulse.pnl_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_deserialize(bytea, internal) IS 'Internal: reads a state over profit and loss of another process.';

-- win_rate
CREATE FUNCTION pulse.pnl_win_rate(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_win_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_win_rate(internal) IS
	'Internal: final function of pulse_win_rate().';
CREATE AGGREGATE pulse_win_rate(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_win_rate,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_win_rate,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_win_rate(float8) IS
	'Share of closed trades with a profit: count(pnl > 0) over all, trades at 0 included in the denominator; 0.65 is 65 %. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
CREATE AGGREGATE pulse_win_rate(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_win_rate,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_win_rate,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_win_rate(numeric) IS
	'Share of closed trades with a profit: count(pnl > 0) over all, trades at 0 included in the denominator; 0.65 is 65 %. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';

-- profit_factor
CREATE FUNCTION pulse.pnl_profit_factor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_profit_factor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_profit_factor(internal) IS
	'Internal: final function of pulse_profit_factor().';
CREATE AGGREGATE pulse_profit_factor(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_profit_factor,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_profit_factor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_profit_factor(float8) IS
	'Gross profit over gross loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no loss, gives NULL.';
CREATE AGGREGATE pulse_profit_factor(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_profit_factor,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_profit_factor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_profit_factor(numeric) IS
	'Gross profit over gross loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no loss, gives NULL.';

-- average_win
CREATE FUNCTION pulse.pnl_average_win(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_average_win' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_average_win(internal) IS
	'Internal: final function of pulse_average_win().';
CREATE AGGREGATE pulse_average_win(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_win,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_win,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_win(float8) IS
	'Mean profit of the closed trades with a profit, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no profit gives NULL.';
CREATE AGGREGATE pulse_average_win(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_win,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_win,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_win(numeric) IS
	'Mean profit of the closed trades with a profit, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no profit gives NULL.';

-- average_loss
CREATE FUNCTION pulse.pnl_average_loss(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_average_loss' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_average_loss(internal) IS
	'Internal: final function of pulse_average_loss().';
CREATE AGGREGATE pulse_average_loss(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_loss,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_loss,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_loss(float8) IS
	'Mean loss of the closed trades with a loss, as a positive number in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no loss gives NULL.';
CREATE AGGREGATE pulse_average_loss(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_loss,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_loss,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_loss(numeric) IS
	'Mean loss of the closed trades with a loss, as a positive number in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no loss gives NULL.';

-- payoff_ratio
CREATE FUNCTION pulse.pnl_payoff_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_payoff_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_payoff_ratio(internal) IS
	'Internal: final function of pulse_payoff_ratio().';
CREATE AGGREGATE pulse_payoff_ratio(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_payoff_ratio,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_payoff_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_payoff_ratio(float8) IS
	'Average win over average loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL.';
CREATE AGGREGATE pulse_payoff_ratio(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_payoff_ratio,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_payoff_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_payoff_ratio(numeric) IS
	'Average win over average loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL.';

-- expectancy
CREATE FUNCTION pulse.pnl_expectancy(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_expectancy' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_expectancy(internal) IS
	'Internal: final function of pulse_expectancy().';
CREATE AGGREGATE pulse_expectancy(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_expectancy,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_expectancy,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_expectancy(float8) IS
	'Mean profit or loss of a closed trade, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
CREATE AGGREGATE pulse_expectancy(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_expectancy,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_expectancy,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_expectancy(numeric) IS
	'Mean profit or loss of a closed trade, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';

-- kelly_discrete
CREATE FUNCTION pulse.pnl_kelly_discrete(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_kelly_discrete' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_kelly_discrete(internal) IS
	'Internal: final function of pulse_kelly_discrete().';
CREATE AGGREGATE pulse_kelly_discrete(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_kelly_discrete,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_kelly_discrete,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly_discrete(float8) IS
	'Kelly fraction of closed trades taken as bets: win rate - (1 - win rate) / payoff ratio. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL. Source: Kelly 1956.';
CREATE AGGREGATE pulse_kelly_discrete(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_kelly_discrete,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_kelly_discrete,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly_discrete(numeric) IS
	'Kelly fraction of closed trades taken as bets: win rate - (1 - win rate) / payoff ratio. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL. Source: Kelly 1956.';

-- sqn
CREATE FUNCTION pulse.pnl_sqn(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_sqn' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_sqn(internal) IS
	'Internal: final function of pulse_sqn().';
CREATE AGGREGATE pulse_sqn(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_sqn,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_sqn,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sqn(float8) IS
	'System quality number of closed trades: sqrt(n) times mean over sample standard deviation of pnl. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Tharp 2008.';
CREATE AGGREGATE pulse_sqn(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_sqn,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_sqn,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sqn(numeric) IS
	'System quality number of closed trades: sqrt(n) times mean over sample standard deviation of pnl. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Tharp 2008.';

-- max_consecutive_losses depends on the order, which parallel workers do not keep
CREATE FUNCTION pulse.pnl_max_consecutive_losses(internal) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pulse_pnl_max_consecutive_losses' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_max_consecutive_losses(internal) IS
	'Internal: final function of pulse_max_consecutive_losses().';
CREATE AGGREGATE pulse_max_consecutive_losses(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_max_consecutive_losses,
	MSFUNC = pulse.push_losses,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_consecutive_losses,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_consecutive_losses(float8) IS
	'Longest run of closed trades with a loss, in input order: write pulse_max_consecutive_losses(pnl ORDER BY closed_at). A trade at 0 ends a run. NULL rows are skipped; no row, or a NaN or infinity, gives NULL.';
CREATE AGGREGATE pulse_max_consecutive_losses(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_max_consecutive_losses,
	MSFUNC = pulse.push_losses,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_consecutive_losses,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_consecutive_losses(numeric) IS
	'Longest run of closed trades with a loss, in input order: write pulse_max_consecutive_losses(pnl ORDER BY closed_at). A trade at 0 ends a run. NULL rows are skipped; no row, or a NaN or infinity, gives NULL.';
