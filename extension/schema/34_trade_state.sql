-- Sums over closed trades, by day and altogether, so that statistics of a million of them need not read them.

CREATE TABLE pulse.trade_state (
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C" NOT NULL,
	day			timestamptz NOT NULL,
	trades		bigint NOT NULL,
	wins		bigint NOT NULL,
	losses		bigint NOT NULL,
	won			numeric NOT NULL,
	lost		numeric NOT NULL,
	gross_pnl	numeric NOT NULL,
	fees		numeric NOT NULL,
	best		numeric,
	worst		numeric,
	first_opened	timestamptz,
	last_closed	timestamptz,
	holding		interval NOT NULL,
	PRIMARY KEY (source_id, portfolio, day)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE pulse.trade_state IS
	'sums over the closed trades of a portfolio that closed on a UTC day, and over all of them; triggers on pulse.closed_trade keep them in the same transaction';
COMMENT ON COLUMN pulse.trade_state.day IS '-infinity: all of them';
COMMENT ON COLUMN pulse.trade_state.won IS 'sum of the profits of winning trades, net of fees; lost: of the losses, positive';
COMMENT ON COLUMN pulse.trade_state.holding IS 'sum of the times from opening to closing';
REVOKE ALL ON pulse.trade_state FROM PUBLIC;

CREATE FUNCTION pulse.count_closed_trades() RETURNS trigger
	LANGUAGE plpgsql
	AS $$
BEGIN
	INSERT INTO pulse.trade_state AS t (source_id, portfolio, day, trades, wins, losses, won, lost, gross_pnl, fees, best, worst,
			first_opened, last_closed, holding)
		SELECT c.source_id, c.portfolio, d.day, count(*), count(*) FILTER (WHERE c.net_pnl > 0), count(*) FILTER (WHERE c.net_pnl < 0),
			coalesce(sum(c.net_pnl) FILTER (WHERE c.net_pnl > 0), 0), coalesce(-sum(c.net_pnl) FILTER (WHERE c.net_pnl < 0), 0),
			sum(c.gross_pnl), sum(c.fees), max(c.net_pnl), min(c.net_pnl), min(c.opened_at), max(c.closed_at), sum(c.closed_at - c.opened_at)
		FROM changed c CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('day', c.closed_at, 'UTC'))) AS d (day)
		GROUP BY c.source_id, c.portfolio, d.day ORDER BY c.source_id, c.portfolio, d.day
	ON CONFLICT (source_id, portfolio, day) DO UPDATE SET
		(trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding)
		= (t.trades + excluded.trades, t.wins + excluded.wins, t.losses + excluded.losses, t.won + excluded.won, t.lost + excluded.lost,
		   t.gross_pnl + excluded.gross_pnl, t.fees + excluded.fees, greatest(t.best, excluded.best), least(t.worst, excluded.worst),
		   least(t.first_opened, excluded.first_opened), greatest(t.last_closed, excluded.last_closed), t.holding + excluded.holding);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.count_closed_trades() IS 'Trigger on pulse.closed_trade: adds new rows to pulse.trade_state.';

CREATE FUNCTION pulse.uncount_closed_trades() RETURNS trigger
	LANGUAGE plpgsql
	AS $$
BEGIN
	-- sums are exact, so they can be taken back; extremes of a day are looked for among what is left of it
	UPDATE pulse.trade_state t SET
		(trades, wins, losses, won, lost, gross_pnl, fees, holding)
		= (t.trades - x.trades, t.wins - x.wins, t.losses - x.losses, t.won - x.won, t.lost - x.lost, t.gross_pnl - x.gross_pnl,
		   t.fees - x.fees, t.holding - x.holding)
		FROM (
			SELECT c.source_id, c.portfolio, d.day, count(*) AS trades, count(*) FILTER (WHERE c.net_pnl > 0) AS wins,
				count(*) FILTER (WHERE c.net_pnl < 0) AS losses, coalesce(sum(c.net_pnl) FILTER (WHERE c.net_pnl > 0), 0) AS won,
				coalesce(-sum(c.net_pnl) FILTER (WHERE c.net_pnl < 0), 0) AS lost, sum(c.gross_pnl) AS gross_pnl, sum(c.fees) AS fees,
				sum(c.closed_at - c.opened_at) AS holding
			FROM changed c CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('day', c.closed_at, 'UTC'))) AS d (day)
			GROUP BY c.source_id, c.portfolio, d.day
		) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.day = x.day;
	DELETE FROM pulse.trade_state t USING (SELECT DISTINCT c.source_id, c.portfolio FROM changed c) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.trades = 0;
	UPDATE pulse.trade_state t SET (best, worst, first_opened, last_closed) = (
			SELECT max(c.net_pnl), min(c.net_pnl), min(c.opened_at), max(c.closed_at) FROM pulse.closed_trade c
			WHERE c.source_id = t.source_id AND c.portfolio = t.portfolio AND c.closed_at >= t.day AND c.closed_at < t.day + interval '24 hours')
		FROM (SELECT DISTINCT c.source_id, c.portfolio, date_trunc('day', c.closed_at, 'UTC') AS day FROM changed c) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.day = x.day;
	UPDATE pulse.trade_state t SET (best, worst, first_opened, last_closed) = (
			SELECT max(d.best), min(d.worst), min(d.first_opened), max(d.last_closed) FROM pulse.trade_state d
			WHERE d.source_id = t.source_id AND d.portfolio = t.portfolio AND d.day > '-infinity')
		FROM (SELECT DISTINCT c.source_id, c.portfolio FROM changed c) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.day = '-infinity';
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.uncount_closed_trades() IS 'Trigger on pulse.closed_trade: takes deleted rows out of pulse.trade_state.';
REVOKE ALL ON FUNCTION pulse.count_closed_trades(), pulse.uncount_closed_trades() FROM PUBLIC;

CREATE TRIGGER count_inserted AFTER INSERT ON pulse.closed_trade REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.count_closed_trades();
CREATE TRIGGER count_deleted AFTER DELETE ON pulse.closed_trade REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.uncount_closed_trades();
