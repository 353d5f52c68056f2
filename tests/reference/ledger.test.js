// Trade accounting against published values: the repository's own cases, and the larger set beside the checkout if there is one.
// Every case runs twice: from rows that no tick has seen, and from the stored ledger.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';

const here = dirname(fileURLToPath(import.meta.url));
const shared = join(here, '../../../shared/reference/cases.jsonl');

/** @typedef {{side: string, quantity: number|string, price: number|string, fee?: number|string}} Fill */

let cluster;
let client;

before(async () => {
	cluster = await startCluster({ preload: true });
	client = new pg.Client(cluster.connection);
	await client.connect();
	// numeric as a number: the published values are rounded
	client.setTypeParser(1700, Number);
	client.setTypeParser(20, Number);
	await client.query('CREATE EXTENSION IF NOT EXISTS pulse; SELECT pulse_setup()');
});

after(async () => {
	await client?.end();
	await cluster?.remove();
});

const rows = async (sql, ...values) => (await client.query(sql, values)).rows;
const column = async (sql, ...values) => (await rows(sql, ...values)).map((row) => Object.values(row)[0]);

/** Inserts fills a minute apart; sides may be given by the sign of the quantity. */
async function insert(/** @type {any[]} */ fills) {
	await client.query(`INSERT INTO trades (symbol, side, quantity, price, fee, executed_at)
		SELECT 'X', f.side, f.quantity, f.price, f.fee, '2026-01-01'::timestamptz + f.n * interval '1 minute'
		FROM unnest($1::text[], $2::numeric[], $3::numeric[], $4::numeric[]) WITH ORDINALITY AS f (side, quantity, price, fee, n)`, [
		fills.map((f) => f.side ?? (f.quantity < 0 ? 'sell' : 'buy')),
		fills.map((f) => (f.side ? f.quantity : Math.abs(f.quantity))),
		fills.map((f) => f.price),
		fills.map((f) => f.fee ?? 0),
	]);
}

/** What fills cost at a rate of their value. */
const rated = (fills, rate) => fills.map((f) => ({ ...f, quantity: f.qty, fee: Math.abs(f.qty) * f.price * (f.fee_rate ?? rate ?? 0) }));
const position = async (method = 'average') => (await rows('SELECT * FROM pulse_positions(NULL, $1)', method))[0];
const remainingCost = async (method) => {
	const p = await position(method);
	return p.quantity * p.average_price;
};
/** Shares bought for an amount: their price is whatever the division gives. */
const byAmount = ({ transactions }) => transactions.map((t) => ({ side: t.side, quantity: t.shares, price: t.gross_amount / t.shares }));

/**
 * For each kind of case: the fills, whose fees may have to be turned into what Pulse is told, and the figures to compare.
 * @type {Record<string, {fills: (inputs: any) => any[], actual: (inputs: any, clear: () => Promise<void>, insert: (fills: any[]) => Promise<void>) => Promise<any>}>}
 */
const kinds = {
	net_position_qty_avg: {
		fills: (i) => rated(i.fills),
		actual: async () => {
			const p = await position();
			return [p.quantity, p.average_price ?? 0];
		},
	},
	// freqtrade carries the fee of the entry in the cost and takes that of the exit off its value
	realized_pnl_average_cost: {
		fills: (i) => i.fills.map((f) => ({ ...f, quantity: f.qty, price: f.price * (1 + (f.side === 'buy' ? 1 : -1) * (i.fee_rate_quote ?? 0)) })),
		actual: async () => [
			...await column('SELECT realized_pnl FROM pulse.replay_fills((SELECT source_id FROM pulse.source WHERE kind = \'trades\'), NULL, NULL, \'average\') WHERE realized_pnl IS NOT NULL ORDER BY executed_at'),
			(await position()).realized_pnl,
		],
	},
	trade_profit: {
		fills: (i) => {
			const sides = i.side === 'long' ? ['buy', 'sell'] : ['sell', 'buy'];
			return [
				{ side: sides[0], quantity: i.qty, price: i.open, fee: i.qty * i.open * i.fee_open },
				// funding that is received lessens the fees, for shorts and longs alike
				{ side: sides[1], quantity: i.qty, price: i.close, fee: i.qty * i.close * i.fee_close - (i.funding_fee ?? 0) },
			];
		},
		actual: async (i) => {
			const [trade] = await rows('SELECT * FROM pulse_closed_trades()');
			const opened = i.qty * i.open * (1 + (i.side === 'long' ? 1 : -1) * i.fee_open);
			return [trade.net_pnl, (trade.net_pnl / opened) * (i.leverage ?? 1)];
		},
	},
	derivative_pnl_net_of_fees: {
		fills: (i) => rated(i.fills),
		actual: async () => {
			const [sum] = await rows('SELECT sum(gross_pnl) AS gross, sum(net_pnl) AS net FROM pulse_closed_trades()');
			return [sum.gross, sum.net];
		},
	},
	// against having kept what was there before: what trading brought, valued at the price in the end
	pnl_vs_hold: {
		fills: (i) => rated(i.fills),
		actual: async (i) => {
			const p = await position();
			return p.realized_pnl + p.quantity * (i.end_price - (p.average_price ?? 0)) - p.fees;
		},
	},
	realized_pnl_and_avg_open_stepwise: {
		fills: (i) => rated(i.fills, i.fee_rate_quote),
		actual: async (i, clear, again) => {
			const all = rated(i.fills, i.fee_rate_quote);
			const steps = [];
			for (const n of i.report_after) {
				await clear();
				await again(all.slice(0, n));
				const p = await position();
				steps.push(p.realized_pnl - p.fees, p.average_price);
			}
			return steps;
		},
	},
	realized_pnl_fifo_fees_separate: {
		fills: (i) => i.fills.map((f) => ({ ...f, quantity: f.qty, fee: f.fee_quote })),
		actual: async () => [
			...await column(`SELECT sum(gross_pnl) FROM pulse_closed_trades(method => 'fifo') GROUP BY closed_at ORDER BY closed_at`),
			-(await position('fifo')).fees,
		],
	},
	remaining_cost_avg: { fills: byAmount, actual: async () => remainingCost('average') },
	remaining_cost_fifo: { fills: byAmount, actual: async () => remainingCost('fifo') },
};

/** Cases of our own, so that the suite says something where there are no others. */
const own = [
	{ id: 'own-flip', metric: 'net_position_qty_avg', inputs: { fills: [{ qty: 10, price: 5 }, { qty: -25, price: 7 }, { qty: 5, price: 6 }] }, expected: [-10, 7], tol: 1e-12 },
	{ id: 'own-dca', metric: 'realized_pnl_average_cost', inputs: { fills: [{ side: 'buy', qty: 2, price: 10 }, { side: 'buy', qty: 2, price: 20 }, { side: 'sell', qty: 1, price: 25 }, { side: 'sell', qty: 3, price: 10 }] }, expected: [10, -15, -5], tol: 1e-12 },
	{ id: 'own-short', metric: 'trade_profit', inputs: { side: 'short', qty: 10, open: 10, close: 9, fee_open: 0.01, fee_close: 0.01, leverage: 2, funding_fee: 0 }, expected: [8.1, 0.16363636363636364], tol: 1e-12 },
	{ id: 'own-fifo', metric: 'realized_pnl_fifo_fees_separate', inputs: { fills: [{ side: 'buy', qty: 1, price: 10, fee_quote: 1 }, { side: 'buy', qty: 1, price: 30, fee_quote: 1 }, { side: 'sell', qty: 1.5, price: 40, fee_quote: 1 }] }, expected: [35, -3], tol: 1e-12 },
	{ id: 'own-lots-left', metric: 'remaining_cost_fifo', inputs: { transactions: [{ side: 'buy', shares: 10, gross_amount: 100 }, { side: 'buy', shares: 10, gross_amount: 300 }, { side: 'sell', shares: 15, gross_amount: 1 }] }, expected: 150, tol: 1e-12 },
	{ id: 'own-average-left', metric: 'remaining_cost_avg', inputs: { transactions: [{ side: 'buy', shares: 10, gross_amount: 100 }, { side: 'buy', shares: 10, gross_amount: 300 }, { side: 'sell', shares: 15, gross_amount: 1 }] }, expected: 100, tol: 1e-12 },
];

const published = existsSync(shared)
	? readFileSync(shared, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)).filter((entry) => entry.metric in kinds)
	: [];

describe('trade accounting', () => {
	const clear = async () => {
		await client.query('TRUNCATE trades');
		await client.query('SELECT pulse_tick()');
	};
	for (const entry of [...own, ...published]) {
		const { fills, actual } = kinds[entry.metric];
		for (const stored of [false, true]) {
			const put = async (list) => {
				await insert(list);
				if (stored) await client.query('SELECT pulse_tick()');
			};
			test(`${entry.id} (${entry.metric})${stored ? ', stored' : ''}`, async () => {
				await clear();
				await put(fills(entry.inputs));
				const got = [].concat(await actual(entry.inputs, clear, put));
				const want = [].concat(entry.expected);
				assert.equal(got.length, want.length, `${got} where ${want} is expected`);
				got.forEach((value, n) => assert.ok(Math.abs(value - want[n]) <= Math.max(entry.tol, entry.tol * Math.abs(want[n])),
					`figure ${n}: ${value} where ${want[n]} is expected`));
			});
		}
	}
	test('every kind of case is told apart', { skip: published.length === 0 && 'no reference cases beside the checkout' }, () => {
		assert.ok(new Set(published.map((entry) => entry.metric)).size >= 7);
	});
});
