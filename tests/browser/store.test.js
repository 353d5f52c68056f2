import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, POINTS } from '../../worker/dashboard/src/history.js';
import { MOST_ALERTS, MOST_OLDER_TRADES, MOST_TRADES, emptyState, reduce, withOlderTrades } from '../../worker/dashboard/src/store.js';
import { NEWEST_FIRST, arrange, toCsv } from '../../worker/dashboard/src/trade_table.js';
import { snapshot, trade } from './stand_in.js';

const loaded = (change) => reduce(emptyState(), { type: 'SNAPSHOT', data: snapshot(change) });
const update = (type, portfolio, data) => ({ type, portfolio, data });

test('a snapshot replaces everything and highlights nothing', () => {
	const state = loaded({ activity: { trades: [trade(99).data, trade(98).data], alerts: [{ alert_id: 1, title: 'a' }] } });
	assert.equal(state.loaded, true);
	assert.equal(state.portfolio.total_value, '10100.50');
	assert.deepEqual(state.trades.map((each) => each.id), [99, 98]);
	assert.equal(state.fresh.size, 0);
});

test('the snapshot after an outage highlights the trades that it brings', () => {
	const before = loaded({ activity: { trades: [trade(98).data], alerts: [] } });
	const after = reduce(before, { type: 'SNAPSHOT', data: snapshot({ activity: { trades: [trade(99).data, trade(98).data], alerts: [] } }) });
	assert.equal(after.fresh.size, 1);
});

test('figures move with their updates', () => {
	let state = loaded();
	state = reduce(state, update('PORTFOLIO_UPDATE', 'main', { ts: '2026-11-22T12:00:05Z', total_value: '10200', positions: [] }));
	state = reduce(state, update('PERFORMANCE_UPDATE', 'main', { sharpe: 1.5 }));
	state = reduce(state, update('HEALTH_UPDATE', null, { status: 'CRITICAL', components: [] }));
	assert.equal(state.portfolio.total_value, '10200');
	assert.equal(state.performance.sharpe, 1.5);
	assert.equal(state.performance.total_pnl, '100.50', 'what the update does not name stays');
	assert.equal(state.health.status, 'CRITICAL');
});

test('one of several portfolios does not pass for all of them', () => {
	const all = loaded({ portfolios: ['main', 'other'] });
	const after = reduce(all, update('PORTFOLIO_UPDATE', 'other', { total_value: '1' }));
	assert.equal(after.portfolio.total_value, '10100.50');
	assert.equal(after.outdated, true);

	const second = reduce(loaded(), update('PORTFOLIO_UPDATE', 'new', { total_value: '1' }));
	assert.deepEqual(second.portfolios, ['main', 'new']);
	assert.equal(second.outdated, true);

	const chosen = { ...all, scope: 'main' };
	assert.equal(reduce(chosen, update('PORTFOLIO_UPDATE', 'other', { total_value: '1' })).portfolio.total_value, '10100.50');
	assert.equal(reduce(chosen, update('PORTFOLIO_UPDATE', 'main', { total_value: '2' })).portfolio.total_value, '2');
	assert.equal(reduce(chosen, { ...trade(101), portfolio: 'other' }).trades.length, 0);
	assert.equal(reduce(chosen, trade(101)).trades.length, 1);
});

test('trades: newest first by execution, each once, bounded', () => {
	let state = loaded();
	for (const seq of [101, 103, 102, 103]) state = reduce(state, trade(seq));
	assert.deepEqual(state.trades.map((each) => each.id), [103, 102, 101]);
	assert.equal(state.fresh.size, 3);
	for (let seq = 200; seq < 200 + 2 * MOST_TRADES; seq++) state = reduce(state, trade(seq));
	assert.equal(state.trades.length, MOST_TRADES);
	assert.equal(state.trades[0].id, 199 + 2 * MOST_TRADES);
	assert.ok(state.fresh.size <= MOST_TRADES);
});

test('equal ids in two portfolios are two trades', () => {
	let state = loaded({ portfolios: ['a', 'b'] });
	state = reduce(state, { ...trade(101), portfolio: 'a' });
	state = reduce(state, { ...trade(101), portfolio: 'b' });
	assert.equal(state.trades.length, 2);
});

test('an alert that changes takes its own place; alerts are bounded', () => {
	let state = loaded();
	const alert = (id, change) => ({ type: 'SYSTEM_ALERT', timestamp: '2026-11-22T12:00:00Z', data: { alert_id: id, state: 'firing', ...change } });
	state = reduce(state, alert(1));
	state = reduce(state, alert(2));
	state = reduce(state, alert(1, { state: 'resolved' }));
	assert.deepEqual(state.alerts.map((each) => [each.alert_id, each.state]), [[1, 'resolved'], [2, 'firing']]);
	for (let id = 10; id < 10 + 2 * MOST_ALERTS; id++) state = reduce(state, alert(id));
	assert.equal(state.alerts.length, MOST_ALERTS);
});

test('frames of other kinds change nothing', () => {
	const state = loaded();
	for (const type of ['WELCOME', 'PONG', 'ACK', 'SOMETHING_NEW']) assert.equal(reduce(state, { type }), state);
});

test('the curve: live points extend it, deposits make no profit and no new peak', () => {
	const history = new History();
	history.load({ ts: [0, 36000, 72000], value: [100, 120, 90], drawdown: [0, 0, 0.25], flow: [0, 0, 0] }, 24);
	assert.deepEqual(history.underwater.map((each) => each + 0), [0, 0, -0.25]);
	assert.equal(history.gain(), -10);
	assert.equal(history.append(80000, 190, 100), true);
	assert.equal(history.value.at(-1), 190);
	assert.ok(Math.abs(history.underwater.at(-1) - -0.25) < 1e-12, 'a deposit leaves the drawdown as it was');
	assert.equal(history.gain(), -10);
	history.append(86000, 190 * 4 / 3, 0);
	assert.ok(Math.abs(history.underwater.at(-1)) < 1e-12, 'back at the peak');
	history.append(86400, 190 * 2, 0);
	assert.equal(history.underwater.at(-1), 0);
	assert.equal(history.append(10, 1, 0), false, 'the past is fetched, not appended');
});

test('the curve stays bounded under a stream of updates', () => {
	const history = new History();
	history.load({ ts: [0, 86400], value: [100, 100], drawdown: [0, 0] }, 24);
	for (let tenth = 1; tenth < 36000 * 10; tenth++) history.append(86400 + tenth / 10, 100 + Math.sin(tenth), 0);
	assert.ok(history.ts.length < POINTS, String(history.ts.length));
	assert.equal(history.ts.at(-1), 86400 + 35999.9);
	history.trim(1);
	assert.ok(history.ts[0] >= history.ts.at(-1) - 3600);
});

test('the first value of all starts a curve', () => {
	const history = new History();
	history.load({ ts: [], value: [], drawdown: [] }, 24);
	assert.equal(history.gain(), null);
	history.append(5, 100, 100);
	history.append(4000, 300, 200);
	assert.equal(history.gain(), 0, 'the deposit that opens an account is no loss');
	assert.deepEqual([history.ts, history.value, history.underwater], [[5, 4000], [100, 300], [0, 0]]);
});

test('trades are filtered by words and sorted by exact numbers', () => {
	const list = [['BTCUSDT', '9007199254740993', 'momentum'], ['ETHUSDT', '9007199254740992', 'Momentum'], ['SOLUSDT', '0.5', null]]
		.map(([symbol, quantity, strategy], index) => trade(200 - index, { symbol, quantity, strategy }).data);
	const ids = (arrangement) => arrange(list, { ...NEWEST_FIRST, ...arrangement }).map((each) => each.id);
	assert.deepEqual(ids({}), [200, 199, 198]);
	assert.deepEqual(ids({ descending: false }), [198, 199, 200]);
	assert.deepEqual(ids({ filter: ' momentum  usdt ' }), [200, 199]);
	assert.deepEqual(ids({ filter: 'momentum sol' }), []);
	assert.deepEqual(ids({ column: 'quantity', descending: false }), [198, 199, 200]);
	assert.deepEqual(ids({ column: 'quantity', descending: true }), [200, 199, 198]);
	assert.deepEqual(ids({ column: 'symbol', descending: true }), [198, 199, 200]);
	assert.equal(list[0].id, 200, 'the list itself stays');
});

test('CSV: all digits, quoted text, no formulas', () => {
	const lines = toCsv([trade(101, { symbol: '=1+1', strategy: 'a "b", c', realized_pnl: '-0.000000000000000001', price: '1e400' }).data]).split('\r\n');
	assert.equal(lines.length, 3);
	assert.match(lines[0], /^executed_at,portfolio,id,symbol,side,quantity,price,/);
	assert.match(lines[1], /,'=1\+1,BUY,0\.1,1e400,/);
	assert.match(lines[1], /,-0\.000000000000000001,/);
	assert.match(lines[1], /,"a ""b"", c",/);
});

test('older trades join the newest without a seam, bounded', () => {
	let state = loaded({ activity: { trades: [trade(300).data, trade(299).data], alerts: [] } });
	assert.equal(state.older, null);
	state = withOlderTrades(state, { items: [trade(300), trade(299), trade(298)].map(({ data }) => data), next_cursor: 'c' });
	state = reduce(state, { ...trade(301), portfolio: undefined });
	assert.deepEqual(state.older.map((each) => each.id), [301, 300, 299, 298]);
	assert.equal(state.cursor, 'c');
	state = withOlderTrades(state, { items: [trade(297).data], next_cursor: null });
	assert.deepEqual([state.older.length, state.cursor], [5, null]);
	const resumed = reduce(state, { type: 'SNAPSHOT', data: snapshot({ activity: { trades: [trade(302).data, trade(301).data], alerts: [] } }) });
	assert.equal(resumed.older.length, 6);
	const holed = reduce(state, { type: 'SNAPSHOT', data: snapshot({ activity: { trades: [trade(900).data], alerts: [] } }) });
	assert.equal(holed.older, null, 'with a hole between them they are dropped');
	for (let seq = 400; seq < 400 + MOST_OLDER_TRADES; seq++) state = reduce(state, trade(seq));
	assert.equal(state.older.length, MOST_OLDER_TRADES);
});

test('the benchmark begins with the money of the account and gets the same deposits', () => {
	const history = new History();
	history.load({ ts: [100, 200, 300, 400], value: [1000, 1100, 1700, 1600], drawdown: [0, 0, 0, 0], flow: [0, 0, 500, 0] }, 1);
	history.compare({ symbol: 'BTCUSDT', ts: [50, 150, 250, 350], price: [10, 20, 25, 5] });
	// 100 units; 20 more at 25.
	assert.deepEqual(history.benchmark, [1000, 2000, 3000, 600]);
	assert.equal(history.benchmarkGrowth(), null);
	history.append(500, 1650, 0);
	assert.equal(history.benchmark.length, history.ts.length);
	history.load({ ts: [100, 200, 300], value: [1000, 1100, 1210], drawdown: [0, 0, 0], flow: [0, 0, 0] }, 1);
	assert.deepEqual(history.benchmark, []);
	history.compare({ symbol: 'BTCUSDT', ts: [150, 250], price: [20, 30] });
	assert.deepEqual(history.benchmark, [null, 1100, 1650]);
	assert.equal(history.benchmarkGrowth(), 0.5);
	history.compare({ symbol: null, ts: [], price: [] });
	assert.equal(history.benchmarkName, 'BTCUSDT');
});
