// A trading account and the bot that runs it: a moving-average crossover on each symbol, with everything that makes real
// books hard – partial fills, slippage, fees, rebates, fees taken from the bought coin, short positions, turned positions.
//
// Exact: quantities are whole millionths, prices whole 1e-8, money whole 1e-14, all in BigInt.
import { toTick } from './market.js';

const MONEY = 10n ** 14n;

const magnitude = (units) => (units < 0n ? -units : units);

/** Decimal notation with two places at least. @param {bigint} units @param {number} digits */
export function decimal(units, digits) {
	const text = magnitude(units).toString().padStart(digits + 1, '0');
	const fraction = text.slice(-digits).replace(/0+$/, '').padEnd(2, '0');
	return `${units < 0n ? '-' : ''}${text.slice(0, -digits)}.${fraction}`;
}

export const money = (units) => decimal(units, 14);
const toNumber = (units) => Number(units) / 1e14;

const FAST = 12;
const SLOW = 48;
const BAND = 0.0015; // how far apart the averages must be: less would only pay fees
const SHARE = 0.3; // of the equity in one symbol
const TAKER = 4n; // 1/10,000
const MAKER = -1n;

/** One symbol's book and price memory. */
class Market {
	constructor(symbol, { canShort, feeInBase }) {
		this.symbol = symbol;
		this.canShort = canShort;
		this.feeInBase = feeInBase;
		this.base = symbol.replace(/(USDT|USDC|USD|EUR|BTC)$/, '');
		this.closes = [];
		this.quantity = 0n; // signed millionths
		this.cost = 0n; // of the open position, by average cost
		this.took = false; // half of the profit already taken
	}

	average(length) {
		let sum = 0;
		for (let i = this.closes.length - length; i < this.closes.length; i++) sum += this.closes[i];
		return sum / length;
	}
}

export class Account {
	/**
	 * @param {string[]} symbols
	 * @param {() => number} uniform random numbers of its own, so that the market does not depend on what the bot does
	 * @param {number} deposit in whole quote units
	 */
	constructor(symbols, uniform, deposit) {
		this.uniform = uniform;
		this.markets = new Map(symbols.map((symbol, i) => [symbol, new Market(symbol, { canShort: i % 2 === 1, feeInBase: i === 2 })]));
		this.cash = BigInt(deposit) * MONEY;
		this.flow = this.cash;
		this.deposited = this.cash;
		this.realized = 0n; // before fees
		this.fees = 0n; // those paid in quote currency
		this.orders = 0;
		this.fills = 0;
	}

	/** Deposit (+) or withdrawal (−) in whole quote units, reported by the next snapshot. */
	transfer(amount) {
		this.cash += BigInt(amount) * MONEY;
		this.flow += BigInt(amount) * MONEY;
		this.deposited += BigInt(amount) * MONEY;
	}

	mark(prices) {
		for (const market of this.markets.values()) market.price = prices.get(market.symbol);
	}

	value(market) {
		return market.quantity * BigInt(market.price);
	}

	get equity() {
		let total = this.cash;
		for (const market of this.markets.values()) total += this.value(market);
		return total;
	}

	/** Gives the strategy another memory: the newest prices at another pace. @param {Map<string, number[]>} closes */
	remember(closes) {
		for (const market of this.markets.values()) market.closes = closes.get(market.symbol).slice(-SLOW);
	}

	/** What the books say, for comparing with what Pulse computed from the rows. */
	books() {
		const positions = {};
		for (const market of this.markets.values()) positions[market.symbol] = decimal(market.quantity, 6);
		return { fills: this.fills, total_value: money(this.equity), realized_net: money(this.realized - this.fees), deposited: money(this.deposited), positions };
	}

	/** Lets the strategy look at the newest prices; returns the fills that follow, oldest first. */
	decide(time) {
		const fills = [];
		for (const market of this.markets.values()) {
			market.closes.push(market.price);
			if (market.closes.length > SLOW) market.closes.shift();
			if (market.closes.length < SLOW) continue;
			const edge = market.average(FAST) / market.average(SLOW) - 1;
			const direction = Math.abs(edge) < BAND ? null : Math.sign(edge);
			const wanted = direction === null ? this.keep(market) : direction > 0 ? 1 : market.canShort ? -1 : 0;
			if (wanted === null) continue;
			const target = typeof wanted === 'bigint' ? wanted : this.sized(market, wanted);
			const now = market.quantity > 0n ? 1 : market.quantity < 0n ? -1 : 0;
			if (typeof wanted !== 'bigint' && wanted === now) continue;
			fills.push(...this.order(market, target - market.quantity, Math.min(0.99, 0.5 + Math.abs(edge) * 20), time + fills.length));
		}
		return fills;
	}

	/** Between the signals: takes half of a profit above 6 % once; otherwise leaves the position (null). */
	keep(market) {
		if (market.quantity === 0n) {
			market.took = false;
			return null;
		}
		const gain = toNumber(this.value(market) - market.cost) / Math.abs(toNumber(market.cost));
		if (market.took || gain < 0.06) return null;
		market.took = true;
		return market.quantity / 2n;
	}

	/** Signed quantity for a new position. */
	sized(market, direction) {
		market.took = false;
		if (direction === 0) return 0n;
		const notional = (this.equity * BigInt(Math.round(SHARE * 1000))) / 1000n;
		const quantity = notional / BigInt(market.price);
		return (quantity > 0n ? quantity - (quantity % 100n) : 0n) * BigInt(direction);
	}

	/** An order, executed in one to three parts around the mark. */
	order(market, change, confidence, time) {
		if (change === 0n) return [];
		const id = `O${String(++this.orders).padStart(7, '0')}`;
		const limit = this.uniform() < 0.25;
		const parts = 1 + Math.floor(this.uniform() * 3);
		const fills = [];
		let left = change;
		let at = time;
		for (let part = 1; part <= parts && left !== 0n; part++) {
			const quantity = part === parts ? left : (left * BigInt(30 + Math.floor(this.uniform() * 40))) / 100n;
			if (quantity === 0n) continue;
			left -= quantity;
			at += 1 + Math.floor(this.uniform() * 180);
			const slip = (limit ? -1 : 1) * this.uniform() * 0.0006 * Number(change > 0n ? 1 : -1);
			const price = BigInt(toTick(market.price * (1 + slip)));
			fills.push(this.fill(market, quantity, price, limit, { order_id: id, fill_id: `${id}-${part}`, confidence, time: at }));
		}
		return fills;
	}

	/** Books one fill by average cost and returns the row that the bot inserts into trades. */
	fill(market, change, price, limit, { order_id, fill_id, confidence, time }) {
		const value = change * price;
		const size = magnitude(change);
		const inBase = market.feeInBase && change > 0n && !limit;
		const fee = inBase ? (size * TAKER) / 10_000n : (magnitude(value) * (limit ? MAKER : TAKER)) / 10_000n;
		this.cash -= value;
		this.book(market, change, price);
		if (inBase) {
			// The exchange keeps a part of what was bought: it leaves the position at its price.
			this.book(market, -fee, 0n);
		} else {
			this.cash -= fee;
			this.fees += fee;
		}
		this.fills++;
		return {
			symbol: market.symbol,
			side: change > 0n ? 'BUY' : 'SELL',
			quantity: decimal(size, 6),
			price: decimal(price, 8),
			fee: inBase ? decimal(fee, 6) : money(fee),
			fee_asset: inBase ? market.base : null,
			executed_at: new Date(time).toISOString(),
			order_id,
			fill_id,
			order_type: limit ? 'limit' : 'market',
			strategy: 'ma-crossover',
			confidence: Number(confidence.toFixed(3)),
		};
	}

	/** Changes a position; what it closes is realised against the average cost. */
	book(market, change, price) {
		const opposite = (market.quantity > 0n && change < 0n) || (market.quantity < 0n && change > 0n);
		if (!opposite) {
			market.quantity += change;
			market.cost += change * price;
			return;
		}
		const closing = magnitude(change) > magnitude(market.quantity) ? -market.quantity : change;
		const cost = (market.cost * -closing) / market.quantity;
		this.realized += -closing * price - cost;
		market.quantity += closing;
		market.cost = market.quantity === 0n ? 0n : market.cost - cost;
		if (closing !== change) this.book(market, change - closing, price);
	}

	/** The row for portfolio_snapshots. */
	snapshot(time) {
		let positions = 0n;
		let cost = 0n;
		let count = 0;
		for (const market of this.markets.values()) {
			positions += this.value(market);
			cost += market.cost;
			if (market.quantity !== 0n) count++;
		}
		const row = {
			ts: new Date(time).toISOString(),
			total_value: money(this.cash + positions),
			cash_balance: money(this.cash),
			positions_value: money(positions),
			unrealized_pnl: money(positions - cost),
			realized_pnl: money(this.realized - this.fees),
			// The first snapshot's value is where performance begins; what came before it is no flow.
			net_flow: money(this.reported ? this.flow : 0n),
			position_count: count,
		};
		this.reported = true;
		this.flow = 0n;
		return row;
	}
}
