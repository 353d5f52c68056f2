/**
 * The shapes that travel between the daemon and the page. Money and quantities
 * are decimal strings, statistics are numbers, undefined is null.
 *
 * @typedef {string | number | null | undefined} Decimal
 *
 * @typedef {object} Frame
 * @property {string} type
 * @property {number | null} [seq]
 * @property {number | null} [prev_seq]
 * @property {string | null} [epoch]
 * @property {string} [timestamp]
 * @property {string | null} [portfolio]
 * @property {string | null} [key]
 * @property {any} [data]
 * @property {string} [id]
 * @property {string} [code]
 * @property {string} [message]
 * @property {boolean} [retryable]
 *
 * @typedef {object} Position
 * @property {string} [portfolio]
 * @property {string} symbol
 * @property {Decimal} quantity
 * @property {Decimal} [average_price]
 * @property {Decimal} [mark_price]
 * @property {Decimal} [market_value]
 * @property {Decimal} [unrealized_pnl]
 * @property {Decimal} [realized_pnl]
 * @property {Decimal} [fees]
 * @property {string | null} [opened_at]
 *
 * @typedef {object} Portfolio
 * @property {string | null} ts
 * @property {Decimal} total_value
 * @property {Decimal} [cash_balance]
 * @property {Decimal} [positions_value]
 * @property {Decimal} [unrealized_pnl]
 * @property {Decimal} [realized_pnl]
 * @property {number | null} [position_count]
 * @property {Decimal} [net_flow]
 * @property {Position[]} [positions]
 *
 * @typedef {Record<string, any>} Performance
 *
 * @typedef {object} Trade
 * @property {string | number | null} id
 * @property {string} [portfolio]
 * @property {string} symbol
 * @property {string} side
 * @property {Decimal} quantity
 * @property {Decimal} price
 * @property {Decimal} [value]
 * @property {Decimal} [fee]
 * @property {string | null} [fee_asset]
 * @property {string} executed_at
 * @property {string | null} [order_id]
 * @property {string | null} [fill_id]
 * @property {string | null} [strategy]
 * @property {number | null} [confidence]
 * @property {Decimal} [realized_pnl]
 * @property {Decimal} [position]
 *
 * @typedef {object} Alert
 * @property {string | number | null} [alert_id]
 * @property {string | null} [rule]
 * @property {string | null} [kind]
 * @property {string | null} [severity]
 * @property {string | null} [state]
 * @property {string | null} [title]
 * @property {string | null} [message]
 * @property {Decimal} [value]
 * @property {Decimal} [threshold]
 * @property {string | null} [since]
 * @property {number | null} [count]
 * @property {string | null} [portfolio]
 * @property {string | null} [symbol]
 * @property {string | null} [acknowledged_by]
 * @property {string | null} [acknowledged_at]
 * @property {number | null} [silenced_by]
 *
 * @typedef {object} Component
 * @property {string} component
 * @property {string} status
 * @property {string | null} [message]
 * @property {number | null} [latency_ms]
 * @property {string | null} [checked_at]
 *
 * @typedef {object} Health
 * @property {string} [status]
 * @property {Component[]} [components]
 *
 * @typedef {object} Chart
 * @property {number[]} ts
 * @property {(number | null)[]} value
 * @property {(number | null)[]} drawdown
 * @property {(number | null)[]} [flow]
 */
export {};
