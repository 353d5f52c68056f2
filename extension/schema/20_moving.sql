-- Moving-aggregate support: rows enter and leave the frames of windows.

CREATE FUNCTION pulse.push_spread(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_growth(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_growth(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.pop(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, float8, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, float8, float8, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, float8, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.pop_pair(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, float8, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, float8, float8, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.push_pnl(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pnl' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pnl(internal, float8) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_pnl(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pnl' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pnl(internal, float8) IS
	'Internal: a trade leaves a window.';
CREATE FUNCTION pulse.push_value(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_value(internal, float8) IS
	'Internal: a value enters a window.';
CREATE FUNCTION pulse.pop_value(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_value(internal, float8) IS
	'Internal: a value leaves a window.';
CREATE FUNCTION pulse.push_point(internal, timestamptz, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, float8) IS
	'Internal: a point of an equity curve enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, float8) IS
	'Internal: a point of an equity curve leaves a window.';
CREATE FUNCTION pulse.push_spread(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_growth(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_growth(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.pop(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, numeric) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, numeric, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, numeric, float8, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.pop_pair(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, numeric, numeric) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, numeric, numeric, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, numeric, numeric, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.push_pnl(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pnl_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pnl(internal, numeric) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_pnl(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pnl' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pnl(internal, numeric) IS
	'Internal: a trade leaves a window.';
CREATE FUNCTION pulse.push_value(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_value_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_value(internal, numeric) IS
	'Internal: a value enters a window.';
CREATE FUNCTION pulse.pop_value(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_value(internal, numeric) IS
	'Internal: a value leaves a window.';
CREATE FUNCTION pulse.push_point(internal, timestamptz, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, numeric) IS
	'Internal: a point of an equity curve enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, numeric) IS
	'Internal: a point of an equity curve leaves a window.';
CREATE FUNCTION pulse.moving_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_volatility(internal) IS
	'Internal: final function of pulse_volatility() over a window.';
CREATE FUNCTION pulse.moving_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_sharpe(internal) IS
	'Internal: final function of pulse_sharpe() over a window.';
CREATE FUNCTION pulse.moving_kelly(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_kelly' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_kelly(internal) IS
	'Internal: final function of pulse_kelly() over a window.';
CREATE FUNCTION pulse.moving_var_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_var_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_var_gaussian(internal) IS
	'Internal: final function of pulse_var_gaussian() over a window.';
CREATE FUNCTION pulse.moving_cvar_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_cvar_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cvar_gaussian(internal) IS
	'Internal: final function of pulse_cvar_gaussian() over a window.';
CREATE FUNCTION pulse.moving_skewness(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_skewness' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_skewness(internal) IS
	'Internal: final function of pulse_skewness() over a window.';
CREATE FUNCTION pulse.moving_kurtosis(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_kurtosis' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_kurtosis(internal) IS
	'Internal: final function of pulse_kurtosis() over a window.';
CREATE FUNCTION pulse.moving_psr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_psr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_psr(internal) IS
	'Internal: final function of pulse_psr() over a window.';
CREATE FUNCTION pulse.moving_var_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_var_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_var_cornish_fisher(internal) IS
	'Internal: final function of pulse_var_cornish_fisher() over a window.';
CREATE FUNCTION pulse.moving_total_return(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_total_return' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_total_return(internal) IS
	'Internal: final function of pulse_total_return() over a window.';
CREATE FUNCTION pulse.moving_downside_deviation(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_downside_deviation' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_downside_deviation(internal) IS
	'Internal: final function of pulse_downside_deviation() over a window.';
CREATE FUNCTION pulse.moving_sortino(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_sortino' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_sortino(internal) IS
	'Internal: final function of pulse_sortino() over a window.';
CREATE FUNCTION pulse.moving_gain_to_pain(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_gain_to_pain' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_gain_to_pain(internal) IS
	'Internal: final function of pulse_gain_to_pain() over a window.';
CREATE FUNCTION pulse.moving_omega(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_omega' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_omega(internal) IS
	'Internal: final function of pulse_omega() over a window.';
CREATE FUNCTION pulse.moving_var(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_var' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_var(internal) IS
	'Internal: final function of pulse_var() over a window.';
CREATE FUNCTION pulse.moving_cvar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_cvar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cvar(internal) IS
	'Internal: final function of pulse_cvar() over a window.';
CREATE FUNCTION pulse.moving_tail_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_tail_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_tail_ratio(internal) IS
	'Internal: final function of pulse_tail_ratio() over a window.';
CREATE FUNCTION pulse.window_beta(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_beta' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_beta(internal) IS
	'Internal: final function of pulse_beta() over a window.';
CREATE FUNCTION pulse.window_tracking_error(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_tracking_error' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_tracking_error(internal) IS
	'Internal: final function of pulse_tracking_error() over a window.';
CREATE FUNCTION pulse.window_information_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_information_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_information_ratio(internal) IS
	'Internal: final function of pulse_information_ratio() over a window.';
CREATE FUNCTION pulse.window_alpha(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_alpha' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_alpha(internal) IS
	'Internal: final function of pulse_alpha() over a window.';
CREATE FUNCTION pulse.window_treynor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_treynor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_treynor(internal) IS
	'Internal: final function of pulse_treynor() over a window.';
CREATE FUNCTION pulse.window_up_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_up_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_up_capture(internal) IS
	'Internal: final function of pulse_up_capture() over a window.';
CREATE FUNCTION pulse.window_down_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_down_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_down_capture(internal) IS
	'Internal: final function of pulse_down_capture() over a window.';
CREATE FUNCTION pulse.window_win_rate(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_win_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_win_rate(internal) IS
	'Internal: final function of pulse_win_rate() over a window.';
CREATE FUNCTION pulse.window_profit_factor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_profit_factor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_profit_factor(internal) IS
	'Internal: final function of pulse_profit_factor() over a window.';
CREATE FUNCTION pulse.window_average_win(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_average_win' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_average_win(internal) IS
	'Internal: final function of pulse_average_win() over a window.';
CREATE FUNCTION pulse.window_average_loss(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_average_loss' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_average_loss(internal) IS
	'Internal: final function of pulse_average_loss() over a window.';
CREATE FUNCTION pulse.window_payoff_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_payoff_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_payoff_ratio(internal) IS
	'Internal: final function of pulse_payoff_ratio() over a window.';
CREATE FUNCTION pulse.window_expectancy(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_expectancy' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_expectancy(internal) IS
	'Internal: final function of pulse_expectancy() over a window.';
CREATE FUNCTION pulse.window_kelly_discrete(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_kelly_discrete' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_kelly_discrete(internal) IS
	'Internal: final function of pulse_kelly_discrete() over a window.';
CREATE FUNCTION pulse.window_sqn(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_sqn' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_sqn(internal) IS
	'Internal: final function of pulse_sqn() over a window.';
CREATE FUNCTION pulse.window_max_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_max_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_max_drawdown(internal) IS
	'Internal: final function of pulse_max_drawdown() over a window.';
CREATE FUNCTION pulse.window_current_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_current_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_current_drawdown(internal) IS
	'Internal: final function of pulse_current_drawdown() over a window.';

CREATE FUNCTION pulse.push_point(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, float8, float8) IS
	'Internal: a point of an equity curve with its flow enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, float8, float8) IS
	'Internal: a point of an equity curve with its flow leaves a window.';
CREATE FUNCTION pulse.push_stability(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_stability' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_stability(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_losses(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_losses' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_losses(internal, float8) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_ordered(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, float8, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, float8, float8, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.push_point(internal, timestamptz, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, numeric, numeric) IS
	'Internal: a point of an equity curve with its flow enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, numeric, numeric) IS
	'Internal: a point of an equity curve with its flow leaves a window.';
CREATE FUNCTION pulse.push_stability(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_stability_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_stability(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_losses(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_losses_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_losses(internal, numeric) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_ordered(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, numeric) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, numeric, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, numeric, float8, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.window_stability(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_stability' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_stability(internal) IS
	'Internal: final function of pulse_stability() over a window.';
CREATE FUNCTION pulse.window_ewma_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_ewma_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_ewma_volatility(internal) IS
	'Internal: final function of pulse_ewma_volatility() over a window.';
CREATE FUNCTION pulse.window_max_consecutive_losses(internal) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pulse_window_max_consecutive_losses' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_max_consecutive_losses(internal) IS
	'Internal: final function of pulse_max_consecutive_losses() over a window.';
CREATE FUNCTION pulse.window_drawdown_duration(internal) RETURNS interval
	AS 'MODULE_PATHNAME', 'pulse_window_drawdown_duration' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_drawdown_duration(internal) IS
	'Internal: final function of pulse_drawdown_duration() over a window.';
CREATE FUNCTION pulse.window_average_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_average_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_average_drawdown(internal) IS
	'Internal: final function of pulse_average_drawdown() over a window.';
CREATE FUNCTION pulse.window_ulcer_index(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_ulcer_index' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_ulcer_index(internal) IS
	'Internal: final function of pulse_ulcer_index() over a window.';
CREATE FUNCTION pulse.window_twr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_twr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_twr(internal) IS
	'Internal: final function of pulse_twr() over a window.';
CREATE FUNCTION pulse.window_cagr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_cagr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_cagr(internal) IS
	'Internal: final function of pulse_cagr() over a window.';
CREATE FUNCTION pulse.window_calmar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_calmar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_calmar(internal) IS
	'Internal: final function of pulse_calmar() over a window.';
CREATE FUNCTION pulse.moving_cvar_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_cvar_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cvar_cornish_fisher(internal) IS
	'Internal: final function of pulse_cvar_cornish_fisher() over a window.';
CREATE FUNCTION pulse.moving_adjusted_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_adjusted_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_adjusted_sharpe(internal) IS
	'Internal: final function of pulse_adjusted_sharpe() over a window.';
CREATE FUNCTION pulse.moving_cornish_fisher_valid(internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_moving_cornish_fisher_valid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cornish_fisher_valid(internal) IS
	'Internal: final function of pulse_cornish_fisher_valid() over a window.';
CREATE FUNCTION pulse.push_shape(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.window_max_drawdown_amount(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_max_drawdown_amount' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_max_drawdown_amount(internal) IS
	'Internal: final function of pulse_max_drawdown_amount() over a window.';
