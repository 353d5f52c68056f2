/*
 * The type pulse_summary: aggregate once, ask many questions, roll up. A
 * value is the portable form of core/summary_wire.c in a varlena, so that
 * what is stored, sent and dumped are the same bytes; every use checks them.
 */
#include "src/summary.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/comoments.h"
#include "core/summary.h"
#include "core/underwater.h"
#include "src/compat.h"
#include "src/equity.h"
#include "src/metric_args.h"

PG_FUNCTION_INFO_V1(pulse_summary_in);
PG_FUNCTION_INFO_V1(pulse_summary_out);
PG_FUNCTION_INFO_V1(pulse_summary_recv);
PG_FUNCTION_INFO_V1(pulse_summary_send);
PG_FUNCTION_INFO_V1(pulse_equity_summary);
PG_FUNCTION_INFO_V1(pulse_summary_metrics);
PG_FUNCTION_INFO_V1(pulse_summary_drawdown_duration);
PG_FUNCTION_INFO_V1(pulse_summary_cdar);
PG_FUNCTION_INFO_V1(pulse_summary_stability);

/* Refuses the bytes of a summary. */
void
pulse_summary_refuse(const char *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid pulse_summary"),
			 errdetail("It has %s.", error)));
}

/* Reads and checks the bytes of a summary; the segments are palloc'd. */
void
pulse_summary_bytes(const char *bytes, size_t size, pulse_segment **segments, size_t *n, int64 *width)
{
	const char *error = pulse_summary_read((const uint8_t *) bytes, size, pulse_palloc_memory(CurrentMemoryContext),
										   segments, n, width);

	if (error)
		pulse_summary_refuse(error);
}

static struct varlena *
make_summary(const pulse_segment *segments, size_t n, int64 width)
{
	struct varlena *summary;
	size_t		size = VARHDRSZ + PULSE_SUMMARY_HEADER + n * PULSE_SUMMARY_SEGMENT;

	if (n > PULSE_SUMMARY_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a pulse_summary can hold %zu buckets at most", (size_t) PULSE_SUMMARY_MAX_SEGMENTS),
				 errhint("Use a longer period.")));
	summary = palloc(size);
	SET_VARSIZE(summary, size);
	pulse_summary_write(segments, n, width, (uint8_t *) VARDATA(summary));
	return summary;
}

/* Returns merged segments as a pulse_summary. */
Datum
pulse_summary_datum(const pulse_segment *segments, size_t n, int64 width)
{
	return PointerGetDatum(make_summary(segments, n, width));
}

/* Checks bytes from outside and returns them as a summary. */
static struct varlena *
accept_bytes(const char *bytes, size_t size)
{
	pulse_segment *segments;
	size_t		n;
	int64		width;
	struct varlena *summary = palloc(VARHDRSZ + size);

	pulse_summary_bytes(bytes, size, &segments, &n, &width);
	SET_VARSIZE(summary, VARHDRSZ + size);
	memcpy(VARDATA(summary), bytes, size);
	return summary;
}

/* Reads the text form: \x and the bytes in hexadecimal. */
Datum
pulse_summary_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	size_t		length = strlen(text);
	uint8	   *bytes = palloc(length / 2 + 1);
	size_t		size;
	const char *error = pulse_summary_from_text(text, length, bytes, &size);

	if (error)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type pulse_summary"),
				 errdetail("It has %s.", error),
				 errhint("Its text form is \\x followed by hexadecimal digits, as pulse_summary() prints it.")));
	PG_RETURN_POINTER(accept_bytes((char *) bytes, size));
}

/* Writes the text form. */
Datum
pulse_summary_out(PG_FUNCTION_ARGS)
{
	struct varlena *summary = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	size_t		size = VARSIZE_ANY_EXHDR(summary);
	char	   *text = MemoryContextAllocHuge(CurrentMemoryContext, size * 2 + 3);

	pulse_summary_to_text((const uint8 *) VARDATA_ANY(summary), size, text);
	PG_RETURN_CSTRING(text);
}

/* Reads the binary form. */
Datum
pulse_summary_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			size = buf->len - buf->cursor;

	PG_RETURN_POINTER(accept_bytes(pq_getmsgbytes(buf, size), size));
}

/* Writes the binary form. */
Datum
pulse_summary_send(PG_FUNCTION_ARGS)
{
	struct varlena *summary = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbytes(&buf, VARDATA_ANY(summary), VARSIZE_ANY_EXHDR(summary));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static void
add_to_segments(void *segments, const int64 *ts, const double *value, const double *flow, size_t n)
{
	pulse_segments_add(segments, ts, value, flow, n);
}

/* Final function of pulse_summary(): the rows by buckets. */
Datum
pulse_equity_summary(PG_FUNCTION_ARGS)
{
	EquityState *state = PG_ARGISNULL(0) ? NULL : (EquityState *) PG_GETARG_POINTER(0);
	pulse_segments s;

	if (state == NULL || pulse_equity_is_empty(state))
		PG_RETURN_NULL();
	pulse_equity_fold(state);
	pulse_segments_begin(&s, state->parameters.period, pulse_palloc_memory(CurrentMemoryContext));
	pulse_equity_scan(state, add_to_segments, &s);
	pulse_segments_end(&s);
	PG_RETURN_POINTER(make_summary(s.segments, s.n, s.width));
}

/* Reads a summary; a period must be a multiple of its own, 0 stands for that. Returns the period. */
static int64
read_for_period(Datum datum, int64 period, pulse_segment **segments, size_t *n)
{
	struct varlena *summary = PG_DETOAST_DATUM_PACKED(datum);
	int64		width;

	pulse_summary_bytes(VARDATA_ANY(summary), VARSIZE_ANY_EXHDR(summary), segments, n, &width);
	if (period % width != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the summary was built with a period that does not divide the one asked for"),
				 errdetail("Its buckets are %g seconds wide.", (double) width / USECS_PER_SEC),
				 errhint("Ask for a multiple, or build the summary with a shorter period.")));
	return period == 0 ? width : period;
}

/* Reads the segments of a summary, palloc'd, checking that a period suits them. */
void
pulse_summary_segments(Datum datum, int64 period, pulse_segment **segments, size_t *n)
{
	read_for_period(datum, period, segments, n);
}

/* Builds the curve of a summary with buckets of a period; 0 keeps the summary's own. */
void
pulse_summary_curve(Datum datum, int64 period, pulse_curve *curve)
{
	pulse_segment *segments;
	size_t		n;

	period = read_for_period(datum, period, &segments, &n);
	pulse_segments_to_curve(segments, n, period, pulse_palloc_memory(CurrentMemoryContext), curve);
}

/* Returns all figures of a summary (summary, risk_free, mar, period, confidence). */
Datum
pulse_summary_metrics(PG_FUNCTION_ARGS)
{
	EquityParameters p;
	pulse_curve curve;

	p.risk_free = pulse_check_rate("risk_free", PG_GETARG_FLOAT8(1));
	p.mar = pulse_check_rate("mar", PG_GETARG_FLOAT8(2));
	p.period = pulse_check_period(PG_GETARG_INTERVAL_P(3));
	p.confidence = pulse_check_confidence(PG_GETARG_FLOAT8(4));
	pulse_summary_curve(PG_GETARG_DATUM(0), p.period, &curve);
	return pulse_metrics_row(fcinfo, &curve, &p);
}

typedef bool (*CurveFigure) (const pulse_curve *curve, double *result);

static Datum
finish(FunctionCallInfo fcinfo, const pulse_curve *curve, bool defined, double result)
{
	if (curve->nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!defined || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* Computes a figure that the length of periods does not change: (summary). */
static Datum
finish_curve(FunctionCallInfo fcinfo, CurveFigure figure)
{
	pulse_curve curve;
	double		result = 0;
	bool		defined;

	pulse_summary_curve(PG_GETARG_DATUM(0), 0, &curve);
	defined = figure(&curve, &result);
	return finish(fcinfo, &curve, defined, result);
}

static bool
max_drawdown(const pulse_curve *curve, double *result)
{
	return pulse_drawdown_deepest(&curve->drawdown, result);
}

static bool
current_drawdown(const pulse_curve *curve, double *result)
{
	return !curve->lost && pulse_drawdown_current(&curve->drawdown, result);
}

/* Takes the depths at the ends of buckets: (summary, ..., period). */
static bool
underwater_of(FunctionCallInfo fcinfo, pulse_curve *curve, pulse_underwater *u, double **depths, size_t *n)
{
	double	   *returns;

	pulse_summary_curve(PG_GETARG_DATUM(0), pulse_check_period(PG_GETARG_INTERVAL_P(PG_NARGS() - 1)), curve);
	returns = pulse_equity_returns(curve, n);
	*depths = returns;
	*u = (pulse_underwater) {0};
	if (*n > 0)
		pulse_underwater_of_curve(curve, u, *depths);
	return *n > 0;
}

static Datum
finish_underwater(FunctionCallInfo fcinfo, bool (*figure) (const pulse_underwater *, double *))
{
	pulse_curve curve;
	pulse_underwater u;
	double	   *depths;
	double		result = 0;
	size_t		n;
	bool		defined = underwater_of(fcinfo, &curve, &u, &depths, &n) && figure(&u, &result);

	return finish(fcinfo, &curve, defined, result);
}

#define DEFINE_FIGURE(name, finish, figure) \
	PG_FUNCTION_INFO_V1(pulse_summary_##name); \
	Datum pulse_summary_##name(PG_FUNCTION_ARGS) { return finish(fcinfo, figure); }

DEFINE_FIGURE(twr, finish_curve, pulse_curve_total_return)
DEFINE_FIGURE(cagr, finish_curve, pulse_curve_cagr)
DEFINE_FIGURE(calmar, finish_curve, pulse_curve_calmar)
DEFINE_FIGURE(max_drawdown, finish_curve, max_drawdown)
DEFINE_FIGURE(current_drawdown, finish_curve, current_drawdown)
DEFINE_FIGURE(average_drawdown, finish_underwater, pulse_average_drawdown)
DEFINE_FIGURE(ulcer_index, finish_underwater, pulse_ulcer_index)

/* Returns the conditional drawdown at risk: (summary, confidence, period). */
Datum
pulse_summary_cdar(PG_FUNCTION_ARGS)
{
	double		confidence = pulse_check_confidence(PG_GETARG_FLOAT8(1));
	pulse_curve curve;
	pulse_underwater u;
	double	   *depths;
	double		result = 0;
	size_t		n;
	bool		defined = underwater_of(fcinfo, &curve, &u, &depths, &n)
		&& pulse_cdar(depths, n, confidence, &result);

	return finish(fcinfo, &curve, defined, result);
}

/* Returns R squared of the cumulative log return: (summary, period). */
Datum
pulse_summary_stability(PG_FUNCTION_ARGS)
{
	pulse_curve curve;
	pulse_stability s = {0};
	double	   *returns;
	double		result = 0;
	size_t		n;
	bool		defined;

	pulse_summary_curve(PG_GETARG_DATUM(0), pulse_check_period(PG_GETARG_INTERVAL_P(1)), &curve);
	returns = pulse_equity_returns(&curve, &n);
	pulse_stability_add_all(&s, returns, n);
	defined = pulse_stability_r2(&s, &result);
	return finish(fcinfo, &curve, defined, result);
}

/* Returns the longest time under water; recoveries are dated at their bucket's high. */
Datum
pulse_summary_drawdown_duration(PG_FUNCTION_ARGS)
{
	pulse_curve curve;
	double		deepest;

	pulse_summary_curve(PG_GETARG_DATUM(0), 0, &curve);
	if (curve.nonfinite || !pulse_drawdown_deepest(&curve.drawdown, &deepest))
		PG_RETURN_NULL();
	PG_RETURN_INTERVAL_P(pulse_make_interval(pulse_drawdown_longest(&curve.drawdown)));
}
