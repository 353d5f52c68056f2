// How Pulse expresses each metric of the reference cases: SQL over the relation d(i, r, b, e, ts, d), a row per period:
// r the return, b the benchmark's, e the equity after it (row 0: 1 before the first), ts a time such that a year has as
// many periods as the case says, d the date. A missing number is NULL. The values are what other projects publish; where
// their convention is not Pulse's, the SQL converts and says so.

/** Number of periods per year of a case, as SQL. */
const periods = ({ periods: p, annualization }) => `${p ?? annualization ?? 1}`;
const geometric = (r, n, ppy) => `(power(1 + pulse_total_return(${r}), ${ppy}::float8 / ${n}) - 1)`;
const annual = (i, r = 'r') => geometric(r, `count(${r})`, periods(i));
/** The same over the periods that a benchmark has as well. */
const common = (i, r) => `(power(1 + pulse_total_return(${r}) FILTER (WHERE r IS NOT NULL AND b IS NOT NULL), ${periods(i)}::float8 / count(r + b)) - 1)`;
/** Returns less a rate per period: a number, or the series in b. */
const excess = (rate, series = 'r') => (typeof rate === 'object' && rate !== null ? `(${series} - b)` : `(${series} - ${rate ?? 0}::float8)`);
const tail = (i) => Math.min(Math.max(1 - (i.alpha ?? i.cutoff ?? 0.05), 1e-17), 1 - 1e-12);
const window = (i) => `OVER (ORDER BY i ROWS ${i.window - 1} PRECEDING)`;
/** Every row of a window function's result that has a whole window. */
const rolling = (i, expression) => ({
	series: `SELECT v FROM (SELECT i, ${expression} AS v FROM d WHERE i > 0) w WHERE i >= ${i.window} ORDER BY i`,
});

/** Monthly series whose case does not say so. */
const monthly = (i) => ({ periods: 12, ...i });
/** The curve as a portfolio, for what Pulse says of portfolios. */
const snapshots = 'INSERT INTO portfolio_snapshots (ts, total_value) SELECT ts, e FROM d WHERE e IS NOT NULL';

/** @type {Record<string, (inputs: any) => string | {series: string, before?: string[]}>} */
export const metrics = {
	// returns
	total_return: () => 'pulse_total_return(r)',
	cumulative_return: (i) => (i.starting_value ? `${i.starting_value} * (1 + coalesce(pulse_total_return(r), 'NaN'))` : 'pulse_total_return(r)'),
	cum_returns: (i) => ({ series: `SELECT ${i.starting_value} * (1 + coalesce(pulse_total_return(r) OVER (ORDER BY i), 0)) FROM d WHERE i > 0 ORDER BY i` }),
	aggregate_returns: (i) => ({
		series: `SELECT pulse_total_return(r) FROM d WHERE i > 0
			GROUP BY date_trunc('${{ weekly: 'week', monthly: 'month', quarterly: 'quarter', yearly: 'year' }[i.convert_to]}', d) ORDER BY min(i)`,
	}),
	geometric_mean: () => geometric('r', 'count(r)', 1),
	annualized_return_geometric: (i) => annual(i),
	annualized_return_arithmetic: (i) => `pulse_sharpe(r, 0, 1) * pulse_volatility(r, 1) * ${periods(i)}`,
	active_premium: (i) => `${common(i, 'r')} - ${common(i, 'b')}`,
	annual_volatility: (i) => `pulse_volatility(r, ${periods(i)})`,
	expanding_volatility: (i) => ({
		series: `SELECT v FROM (SELECT i, pulse_volatility(r, ${periods(i)}) OVER (ORDER BY i) AS v, count(r) OVER (ORDER BY i) AS n FROM d WHERE i > 0) w
			WHERE n >= ${i.min_obs} ORDER BY i`,
	}),
	volatility_logreturns_total: () => ({
		// the second figure is a semi-deviation with n - 1, which Pulse has not: it counts all n
		series: `SELECT unnest(ARRAY[pulse_volatility(ln(1 + r), n), pulse_downside_deviation(ln(1 + r) - m, 0, n) * sqrt(max(n) / (max(n) - 1.0))])
			FROM (SELECT r, count(*) OVER () AS n, avg(ln(1 + r)) OVER () AS m FROM d WHERE i > 0) x`,
	}),
	risk_return_ratio: () => 'pulse_sharpe(r, 0, 1)',
	// a risk-free rate per period, or a series of them, is subtracted first
	sharpe: (i) => `pulse_sharpe(${i.benchmark ? '(r - b)' : excess(i.risk_free ?? i.rf)}, 0, ${periods(i)})`,
	sharpe_annualized_geometric: (i) => `${annual(i)} / pulse_volatility(r, ${periods(i)})`,
	adjusted_sharpe: (i) => `pulse_adjusted_sharpe(r, 0, ${i.periods ?? 12})`,
	// the Sharpe ratio over the inflation of its deviation by a first-order autocorrelation
	smart_sharpe: (i) => ({
		series: `SELECT pulse_sharpe(r, 0, ${periods(i)}) / sqrt(1 + 2 * (SELECT sum((n - k)::float8 / n * abs(rho) ^ k) FROM generate_series(1, least(n - 1, 100)) k))
			FROM (SELECT array_agg(r ORDER BY i) AS r, count(r) AS n, pulse_autocorrelation(array_agg(r ORDER BY i), 1) AS rho FROM d WHERE i > 0) q`,
	}),
	roll_sharpe_ratio: (i) => rolling(i, `pulse_sharpe(r, 0, ${periods(i)}) ${window(i)}`),
	downside_risk: (i) => `pulse_downside_deviation(${excess(i.required_return ?? i.mar)}, 0, ${periods(i)})`,
	semi_deviation: () => ({ series: 'SELECT pulse_downside_deviation(r - m, 0, 1) FROM (SELECT r, avg(r) OVER () AS m FROM d WHERE i > 0) x' }),
	// half of it, and the variance of the returns themselves
	kelly_ratio_half: () => 'pulse_expectancy(r - b) / pulse_volatility(r, 1) FILTER (WHERE b IS NOT NULL) ^ 2 / 2',
	sortino: (i) => `pulse_sortino(${excess(i.required_return ?? i.mar)}, 0, ${periods(i)})`,
	// the threshold is annual in some libraries, the risk-free rate per period
	omega_ratio: (i) => `pulse_omega(r, ${(i.threshold ?? Math.expm1(Math.log1p(i.required_return ?? 0) / Number(periods(i)))) + (i.risk_free ?? 0)}::float8)`,
	bernardo_ledoit_gain_loss: () => 'pulse_omega(r)',
	gain_to_pain_ratio: () => 'pulse_gain_to_pain(r)',
	skewness_sample: () => 'pulse_skewness(r)',
	kurtosis_sample_excess: () => 'pulse_kurtosis(r)',
	// from the sample-adjusted to the population's
	kurtosis_excess: () => '(pulse_kurtosis(r) * (count(r) - 2) * (count(r) - 3) / (count(r) - 1) - 6) / (count(r) + 1)',
	tail_ratio: () => 'pulse_tail_ratio(r)',
	stability: () => 'pulse_stability(r ORDER BY i)',
	autocorrelation: (i) => `pulse_autocorrelation(array_agg(r ORDER BY i), ${i.lag})`,

	// losses are positive in Pulse
	var_historical: (i) => `-pulse_var(r, ${tail(i)})`,
	es_historical: (i) => `-pulse_cvar(r, ${tail(i)})`,
	// with type 7 the values at or below the quantile are the floor((n - 1) p) + 1 smallest
	cvar_nearest: (i) => `-pulse_cvar(r, ${tail(i)})`,
	var_gaussian: (i) => `-pulse_var_gaussian(r, ${tail(i)})`,
	es_gaussian: (i) => `-pulse_cvar_gaussian(r, ${tail(i)})`,
	var_cornish_fisher: (i) => `-pulse_var_cornish_fisher(r, ${tail(i)})`,
	es_cornish_fisher: (i) => `-pulse_cvar_cornish_fisher(r, ${tail(i)})`,
	// the mean of what lies below the parametric value at risk, not below the historical one
	cvar_below_gaussian_var: (i) => ({ series: `SELECT -pulse_average_loss(r) FROM d, (SELECT pulse_var_gaussian(r, ${tail(i)}) * sqrt(count(r) / (count(r) - 1.0)) AS v, avg(r) AS m, count(r) AS n FROM d WHERE i > 0) q
		WHERE i > 0 AND r < -v` }),

	// equity
	max_drawdown: () => ({ series: 'SELECT sign * pulse_max_drawdown(ts, e) FROM d, sign GROUP BY sign' }),
	max_drawdown_percent: () => ({ series: 'SELECT -100 * pulse_max_drawdown(e ORDER BY ts) FROM d' }),
	max_drawdown_from_cumulative_return: () => ({ series: 'SELECT pulse_max_drawdown(ts, e) FROM d' }),
	roll_max_drawdown: (i) => ({
		series: `SELECT -v FROM (SELECT i, pulse_max_drawdown(e) OVER (ORDER BY i ROWS ${i.window} PRECEDING) AS v FROM d) w WHERE i >= ${i.window} ORDER BY i`,
	}),
	// of cumulative profit, from the first trade on
	max_drawdown_abs: () => ({ series: 'SELECT pulse_max_drawdown_amount(p ORDER BY i) FROM (SELECT i, sum(r) OVER (ORDER BY i) AS p FROM d WHERE i > 0) q' }),
	max_drawdown_abs_rel: (i) => ({
		before: [snapshots, `UPDATE portfolio_snapshots s SET total_value = ${i.starting_balance} + (SELECT coalesce(sum(r), 0) FROM d WHERE d.ts <= s.ts)`],
		series: 'SELECT unnest(ARRAY[depth * (SELECT total_value FROM portfolio_snapshots WHERE ts = peak_at), depth]) FROM pulse_drawdowns(1)',
	}),
	// of episodes, not of observations; a stretch at the peak is one of depth 0 there
	cdd_conditional_drawdown: (i) => ({
		before: [snapshots],
		series: `SELECT pulse_cvar(x, ${tail(i)}) FROM (SELECT -depth AS x FROM pulse_drawdowns(100000) UNION ALL
			SELECT 0 FROM (SELECT peak, lag(peak) OVER (ORDER BY i) AS before FROM (SELECT i, e >= max(e) OVER (ORDER BY i) AS peak FROM d) z WHERE i > 0) y
			WHERE peak AND before IS NOT TRUE) q`,
	}),
	drawdown_table_row: (i) => ({
		before: [snapshots],
		series: `SELECT unnest(ARRAY[-depth, duration / day, time_to_trough / day, time_to_recover / day])
			FROM (SELECT depth, extract(epoch FROM duration)::float8 AS duration, extract(epoch FROM time_to_trough)::float8 AS time_to_trough,
				extract(epoch FROM time_to_recover)::float8 AS time_to_recover, 86400 AS day FROM pulse_drawdowns(${i.rank}) WHERE rank = ${i.rank}) q`,
	}),
	ulcer_index: () => ({ series: 'SELECT pulse_ulcer_index(ts, e) FROM d' }),
	pain_index: () => ({ series: 'SELECT pulse_pain_index(ts, e) FROM d' }),
	cagr: () => ({ series: 'SELECT pulse_cagr(ts, e) FROM d' }),
	calmar_ratio: () => ({ series: 'SELECT pulse_calmar(ts, e) FROM d' }),
	expanding_calmar: () => ({ series: 'SELECT v FROM (SELECT i, pulse_calmar(ts, e) OVER (ORDER BY i) AS v FROM d) w WHERE v IS NOT NULL ORDER BY i' }),
	sterling_ratio: (i) => ({ series: `SELECT pulse_cagr(ts, e) / (pulse_max_drawdown(ts, e) + ${i.excess}) FROM d` }),
	martin_ratio_upi: () => ({ series: 'SELECT pulse_cagr(ts, e) / pulse_ulcer_index(ts, e) FROM d' }),
	pain_ratio: () => ({ series: 'SELECT pulse_cagr(ts, e) / pulse_pain_index(ts, e) FROM d' }),
	cagr_calendar: (i) => (i.days
		? { series: `SELECT pulse_cagr(t, v) FROM (VALUES ('epoch'::timestamptz, ${i.start}), ('epoch'::timestamptz + ${i.days} * interval '1 day', ${i.end})) x(t, v)` }
		// a year of 365.25 days there
		: { series: 'SELECT power(1 + pulse_cagr(d, e), 365.25 / 365) - 1 FROM d' }),
	xirr_money_weighted: () => 'pulse_xirr(d, r)',

	// benchmark
	beta: () => 'pulse_beta(r, b)',
	alpha_annual: (i) => `pulse_alpha(${excess(i.risk_free)}, ${excess(i.risk_free, 'b')}, 0, ${periods(i)})`,
	alpha_per_period: (i) => `pulse_alpha(${excess(i.rf)}, ${excess(i.rf, 'b')}, 0, 1)`,
	alpha_beta: (i) => ({ series: `SELECT unnest(ARRAY[pulse_alpha(r, b, 0, ${periods(i)}), pulse_beta(r, b)]) FROM d WHERE i > 0` }),
	up_alpha_beta: (i) => ({ series: `SELECT unnest(ARRAY[pulse_alpha(r, b, 0, ${periods(i)}), pulse_beta(r, b)]) FROM d WHERE i > 0 AND b > 0` }),
	down_alpha_beta: (i) => ({ series: `SELECT unnest(ARRAY[pulse_alpha(r, b, 0, ${periods(i)}), pulse_beta(r, b)]) FROM d WHERE i > 0 AND b < 0` }),
	tracking_error: (i) => `pulse_tracking_error(r, b, ${periods(i)})`,
	information_ratio_arithmetic: () => 'pulse_information_ratio(r, b, 1)',
	// the geometric active premium there
	information_ratio: (i) => `(${common(i, 'r')} - ${common(i, 'b')}) / pulse_tracking_error(r, b, ${periods(i)})`,
	treynor_ratio: (i) => (i.rf !== undefined
		? `pulse_treynor(${excess(i.rf)}, ${excess(i.rf, 'b')}, 0, ${periods(i)})`
		: `pulse_treynor(r, b, power(1 + ${i.risk_free}, ${periods(i)})::float8 - 1, ${periods(i)})`),
	up_capture: (i) => `pulse_up_capture(r, b, ${periods(i)})`,
	down_capture: (i) => `pulse_down_capture(r, b, ${periods(i)})`,
	up_down_capture: (i) => `pulse_up_capture(r, b, ${periods(i)}) / pulse_down_capture(r, b, ${periods(i)})`,
	capture: (i) => `${annual(i, 'r')} / ${annual(i, 'b')}`,
	roll_up_capture: (i) => rolling(i, `pulse_up_capture(r, b, ${periods(i)}) ${window(i)}`),
	roll_down_capture: (i) => rolling(i, `pulse_down_capture(r, b, ${periods(i)}) ${window(i)}`),

	// of counts: how often, not how much
	batting_average: () => ({
		series: 'SELECT unnest(ARRAY[pulse_win_rate(r - b), pulse_win_rate(r - b) FILTER (WHERE b > 0), pulse_win_rate(r - b) FILTER (WHERE b < 0)]) FROM d WHERE i > 0',
	}),
	up_number_ratio: () => 'pulse_win_rate(r) FILTER (WHERE b > 0)',
	upside_frequency: (i) => `pulse_win_rate(r - ${i.mar}::float8)`,
	downside_frequency: (i) => `pulse_win_rate(${i.mar}::float8 - r)`,
	upside_potential: (i) => `pulse_expectancy(greatest(r - ${i.mar}::float8, 0)) FILTER (WHERE r IS NOT NULL)`,
	downside_potential: (i) => `pulse_expectancy(greatest(${i.mar}::float8 - r, 0)) FILTER (WHERE r IS NOT NULL)`,
	// growth over the whole sample there, of the same periods
	up_capture_cumulative: () => 'pulse_total_return(r) FILTER (WHERE b > 0 AND r IS NOT NULL) / pulse_total_return(b) FILTER (WHERE b > 0 AND r IS NOT NULL)',
	roll_up_down_capture: (i) => rolling(i, `pulse_up_capture(r, b, ${periods(i)}) ${window(i)} / pulse_down_capture(r, b, ${periods(i)}) ${window(i)}`),
	// Pulse has alpha by the period compounded to a year; there it is of annual figures
	jensen_alpha: (i) => `${annual(monthly(i))} - pulse_beta(r, b) * ${annual(monthly(i), 'b')}`,
	appraisal_ratio: (i) => ({
		series: `SELECT (${annual(monthly(i))} - max(beta) * ${annual(monthly(i), 'b')}) / (pulse_volatility(r - beta * b, 12) * sqrt((count(r) - 1.0) / count(r)))
			FROM d, (SELECT pulse_beta(r, b) AS beta FROM d WHERE i > 0) q WHERE i > 0`,
	}),
	msquared: (i) => `${annual(monthly(i))} * pulse_volatility(b, 12) / pulse_volatility(r, 12)`,
	prob_outperform_t: (i) => ({ series: `SELECT pulse_student_probability(${i.ir_per_period} * sqrt(${i.n}), ${i.n} - 1)` }),

	// closed trades; even trades are left out there
	win_rate: () => 'pulse_win_rate(nullif(r, 0))',
	win_rate_nonzero: () => 'pulse_win_rate(nullif(r, 0))',
	profit_factor: () => 'pulse_profit_factor(r)',
	d_ratio: () => '(1 / pulse_win_rate(nullif(r, 0)) - 1) / pulse_profit_factor(r)',
	// a return of 0 is a win there
	profit_ratio: () => 'pulse_profit_factor(r) * ((1 - pulse_win_rate(-r)) / pulse_win_rate(-r)) ^ -2',
	largest_win: () => 'max(r)',
	worst: () => 'min(r)',
	avg_win: () => 'pulse_average_win(r)',
	avg_loss: () => '-pulse_average_loss(r)',
	expectancy: () => 'pulse_expectancy(r)',
	expectancy_ratio: () => '(1 + pulse_payoff_ratio(r)) * pulse_win_rate(r) - 1',

	// from moments; the published values leave kurtosis out, which is a kurtosis of 3
	psr: (i) => ({ series: `SELECT pulse_psr(${i.sr}, ${i.sr_ref}, ${i.n}, ${i.skew})` }),
	min_track_record_length: (i) => ({ series: `SELECT pulse_min_track_record_length(${i.sr}, ${i.sr_ref}, ${i.skew}, confidence => ${i.p})` }),
};

const ledger = 'a matter of the ledger, whose tests have it';

/** Why Pulse does not express the rest. */
export const unexpressed = {
	derivative_pnl_net_of_fees: ledger,
	net_position_qty_avg: ledger,
	pnl_vs_hold: ledger,
	realized_pnl_and_avg_open_stepwise: ledger,
	realized_pnl_average_cost: ledger,
	realized_pnl_fifo_fees_separate: ledger,
	remaining_cost_avg: ledger,
	remaining_cost_fifo: ledger,
	trade_profit: ledger,
	hhi_negative: 'concentration of losses: sums of squares that plain SQL says shorter',
	gpd_risk_estimates_aligned: 'what one optimiser returns for samples of nine that are no tail',
	simple_returns: 'begins with a value of 0, from where returns are undefined',
};

/** Cases of a metric that Pulse expresses otherwise: how. */
export const exceptions = {
	// the number of periods a year is inferred from the dates there
	'jqs-cagr-01': () => 'power(1 + pulse_total_return(r), 251.569::float8 / count(r)) - 1',
};
