"""The same metrics from Pulse and from pandas; run by pandas.sh, which brings the server.

Times are CPU time of the client and of its backend together, which neighbours on the machine hardly disturb: the one
waits while the other works.
"""
import sys
import time

import numpy as np
import pandas as pd
import psycopg2


def by_pandas(cursor, quantiles):
    """Fetches the curve and computes what pulse_metrics() says of it, by day as it does."""
    cursor.execute("SELECT ts, value FROM curve ORDER BY ts")
    frame = pd.DataFrame(cursor.fetchall(), columns=["ts", "value"]).set_index("ts")
    value = frame["value"]
    days = value.resample("1D").last().ffill()
    r = days.pct_change().dropna()
    under = 1 - value / value.cummax()
    daily = (1 - days / days.cummax()).iloc[1:]
    years = (value.index[-1] - value.index[0]).total_seconds() / 31536000
    cagr = (value.iloc[-1] / value.iloc[0]) ** (1 / years) - 1
    found = {
        "total_return": value.iloc[-1] / value.iloc[0] - 1,
        "cagr": cagr,
        "volatility": r.std() * np.sqrt(365),
        "sharpe": r.mean() / r.std() * np.sqrt(365),
        "sortino": r.mean() / np.sqrt((np.minimum(r, 0) ** 2).mean()) * np.sqrt(365),
        "max_drawdown": under.max(),
        "current_drawdown": under.iloc[-1],
        "calmar": cagr / under.max(),
        "average_drawdown": daily.mean(),
        "ulcer_index": np.sqrt((daily ** 2).mean()),
        "skewness": r.skew(),
        "kurtosis": r.kurt(),
        "omega": r[r > 0].sum() / -r[r < 0].sum(),
        "kelly": r.mean() / r.var(),
    }
    if quantiles:
        quantile = r.quantile(0.05)
        found["value_at_risk"] = -quantile
        found["expected_shortfall"] = -r[r <= quantile].mean()
    return found


def by_pulse(cursor):
    """Asks the server for all of them."""
    cursor.execute("SELECT (pulse_metrics(ts, value)).* FROM curve")
    row = dict(zip([column.name for column in cursor.description], cursor.fetchone()))
    return row


def seconds(backend):
    """CPU time of this process and of the backend so far."""
    with open(f"/proc/{backend}/schedstat") as file:
        return time.process_time() + int(file.read().split()[0]) / 1e9


def best(backend, run, times):
    """Best time of some runs, in seconds, and the last result."""
    fastest = float("inf")
    for _ in range(times):
        begin = seconds(backend)
        result = run()
        fastest = min(fastest, seconds(backend) - begin)
    return fastest, result


def main():
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE EXTENSION pulse")
    backend = connection.get_backend_pid()
    cursor.execute("SET max_parallel_workers_per_gather = 0")
    for rows in map(int, sys.argv[1:]):
        cursor.execute("DROP TABLE IF EXISTS curve")
        cursor.execute(
            "CREATE UNLOGGED TABLE curve AS SELECT '2025-01-01'::timestamptz + i * interval '10 seconds' AS ts,"
            " 10000 + 500 * sin(i / 50000.0) + 20 * sin(i * 1.3) AS value FROM generate_series(1, %s) i", (rows,))
        cursor.execute("VACUUM ANALYZE curve")
        own, ours = best(backend, lambda: by_pulse(cursor), 3)
        for quantiles, goal in ((True, 15), (False, 25 if rows >= 10000000 else 15)):
            other, theirs = best(backend, lambda: by_pandas(cursor, quantiles), 2 if rows <= 1000000 else 1)
            wrong = [name for name, x in theirs.items() if name in ours and not np.isclose(ours[name], x, rtol=1e-8)]
            print(f"{rows} rows, all metrics {'with' if quantiles else 'without'} quantiles  Pulse {own * 1e3:.1f} ms  "
                  f"psycopg2 and pandas {other * 1e3:.1f} ms  {other / own:.1f} x  goal >= {goal}"
                  f"{'' if other / own >= goal else '  MISSED'}{'  DIFFERENT: ' + ', '.join(wrong) if wrong else ''}", flush=True)


main()
