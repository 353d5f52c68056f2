/*
 * Conversion through numeric's wire format, which is documented by its send and receive
 * functions and the same in every server version; the stored format is private to numeric.c.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "src/compat.h"
#include "src/ledger_numeric.h"

#define WIRE_HEADER 8			/* digits, weight, sign, display scale: 16 bits each */
#define WIRE_NEGATIVE 0x4000
#define WIRE_SPECIAL 0xC000		/* NaN and the infinities have both bits */
#define MAX_GROUPS 48

/* Returns the 16 bits at an offset of a wire image. */
static uint16
wire_field(const char *wire, int offset)
{
	uint16		value;

	memcpy(&value, wire + offset, sizeof(value));
	return pg_ntoh16(value);
}

/* Converts to a decimal; false for NaN, the infinities, and more digits than a decimal holds. */
bool
pulse_decimal_from_numeric(Datum numeric, decimal *result)
{
	bytea	   *wire = DatumGetByteaPP(DirectFunctionCall1(numeric_send, numeric));
	const char *data = VARDATA_ANY(wire);
	int			groups = wire_field(data, 0);
	int			weight = (int16) wire_field(data, 2);
	uint16		sign = wire_field(data, 4);
	int16		digit[MAX_GROUPS];
	bool		fits = (sign & WIRE_SPECIAL) != WIRE_SPECIAL && groups <= MAX_GROUPS;

	if (fits)
	{
		for (int i = 0; i < groups; i++)
			digit[i] = (int16) wire_field(data, WIRE_HEADER + 2 * i);
		fits = weight <= DECIMAL_MAX_SCALE &&
			decimal_from_digits(digit, groups, weight, sign == WIRE_NEGATIVE, result);
	}
	pfree(wire);
	return fits;
}

/* Converts to a numeric without zeros at the end of its decimals. */
Datum
pulse_numeric_from_decimal(const decimal *value)
{
	decimal		trimmed = *value;
	char		wire[WIRE_HEADER + 2 * MAX_GROUPS + 1];
	int16		digit[MAX_GROUPS];
	uint16		field[4];
	int			weight;
	int			groups;
	StringInfoData message;

	decimal_trim(&trimmed);
	groups = decimal_to_digits(&trimmed, digit, MAX_GROUPS, &weight);
	if (groups < 0)
		elog(ERROR, "decimal with too many digits");
	field[0] = pg_hton16((uint16) groups);
	field[1] = pg_hton16((uint16) weight);
	field[2] = pg_hton16(trimmed.negative ? WIRE_NEGATIVE : 0);
	field[3] = pg_hton16((uint16) trimmed.scale);
	memcpy(wire, field, WIRE_HEADER);
	for (int i = 0; i < groups; i++)
	{
		uint16		value_on_wire = pg_hton16((uint16) digit[i]);

		memcpy(wire + WIRE_HEADER + 2 * i, &value_on_wire, 2);
	}
	message.data = wire;
	message.len = WIRE_HEADER + 2 * groups;
	message.maxlen = sizeof(wire);
	message.cursor = 0;
	return DirectFunctionCall3(numeric_recv, PointerGetDatum(&message), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}
