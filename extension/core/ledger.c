/*
 * Applies fills to a position. Each step works on values of its own and fails as a whole when
 * digits run out; average cost then leaves the state untouched, a lot method leaves it unusable.
 */
#include "core/ledger.h"

#include <string.h>

/* Starts a flat ledger; hooks are needed by the lot methods only and must outlive it. */
void
ledger_init(ledger *state, ledger_method method, const ledger_hooks *hooks)
{
	memset(state, 0, sizeof(*state));
	state->method = method;
	state->hooks = hooks;
}

/* Sets up to where a position counts as flat, from the next fill on. */
void
ledger_set_dust(ledger *state, const ledger_dust *dust)
{
	state->dust = *dust;
	state->has_dust = decimal_sign(&dust->quantity) > 0 || decimal_sign(&dust->value) > 0;
}

/*
 * Computes the part of an amount that belongs to a part of a whole. It has as many decimals as
 * the amount, and at least LEDGER_SCALE unless an astronomical amount leaves no room for them.
 */
static bool
part_of(const decimal *amount, const decimal *part, const decimal *whole, decimal *result)
{
	if (amount->scale < LEDGER_SCALE && decimal_share(amount, part, whole, LEDGER_SCALE, result))
		return true;
	return decimal_share(amount, part, whole, amount->scale, result);
}

/* Whether lot a leaves before lot b under HIFO. */
static bool
leaves_before(const ledger_lot *a, const ledger_lot *b, bool is_short)
{
	int			order = decimal_compare(&a->price, &b->price);

	if (order != 0)
		return is_short ? order < 0 : order > 0;
	return a->sequence < b->sequence;
}

/* Lets the last lot rise to its place in the heap. */
static void
heap_rise(ledger_lot *lot, size_t i, bool is_short)
{
	ledger_lot	moving = lot[i];

	while (i > 0 && leaves_before(&moving, &lot[(i - 1) / 2], is_short))
	{
		lot[i] = lot[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	lot[i] = moving;
}

/* Puts a lot in the place of the first one and lets it sink. */
static void
heap_sink(ledger_lot *lot, size_t count, ledger_lot moving, bool is_short)
{
	size_t		i = 0;

	for (;;)
	{
		size_t		child = 2 * i + 1;

		if (child >= count)
			break;
		if (child + 1 < count && leaves_before(&lot[child + 1], &lot[child], is_short))
			child++;
		if (!leaves_before(&lot[child], &moving, is_short))
			break;
		lot[i] = lot[child];
		i = child;
	}
	lot[i] = moving;
}

/* Adds a lot. */
static bool
push_lot(ledger *state, const ledger_lot *lot, bool is_short)
{
	if (state->end == state->capacity && state->first > state->capacity / 2)
	{
		/* FIFO leaves room at the front */
		memmove(state->lot, state->lot + state->first, sizeof(ledger_lot) * (state->end - state->first));
		state->end -= state->first;
		state->first = 0;
	}
	if (state->end == state->capacity)
	{
		size_t		capacity = state->capacity == 0 ? 16 : state->capacity * 2;
		ledger_lot *grown;

		if (capacity > SIZE_MAX / sizeof(ledger_lot))
			return false;
		grown = state->hooks->resize(state->hooks->context, state->lot, capacity * sizeof(ledger_lot));
		if (grown == NULL)
			return false;
		state->lot = grown;
		state->capacity = capacity;
	}
	state->lot[state->end++] = *lot;
	if (state->method == LEDGER_HIFO)
		heap_rise(state->lot, state->end - 1, is_short);
	return true;
}

/* Removes the lot whose turn it is. */
static void
pop_lot(ledger *state, bool is_short)
{
	switch (state->method)
	{
		case LEDGER_FIFO:
			state->first++;
			break;
		case LEDGER_HIFO:
			state->end--;
			if (state->end > 0)
				heap_sink(state->lot, state->end, state->lot[state->end], is_short);
			break;
		default:
			state->end--;
			break;
	}
	if (state->first == state->end)
		state->first = state->end = 0;
}

/* Returns the lot whose turn it is. */
static ledger_lot *
next_lot(ledger *state)
{
	return &state->lot[state->method == LEDGER_LIFO ? state->end - 1 : state->first];
}

/* Takes a quantity out of the lots, reports each match, and sums up what the taken lots cost. */
static bool
take_lots(ledger *state, const ledger_fill *fill, decimal quantity, decimal fee, decimal *cost)
{
	bool		is_short = state->trip.is_short;
	decimal		all = quantity;
	decimal		fee_left = fee;

	*cost = decimal_from_int64(0);
	while (decimal_sign(&quantity) > 0)
	{
		ledger_lot *lot;
		ledger_match match;
		decimal		entry;
		decimal		exit;
		decimal		entry_fee;
		decimal		exit_fee;
		bool		whole_lot;

		if (state->first == state->end)
			return false;
		lot = next_lot(state);
		whole_lot = decimal_compare(&lot->quantity, &quantity) <= 0;
		match.quantity = whole_lot ? lot->quantity : quantity;
		entry_fee = lot->fee;
		if (!whole_lot &&
			!part_of(&lot->fee, &match.quantity, &lot->quantity, &entry_fee))
			return false;
		if (!decimal_subtract(&quantity, &match.quantity, &quantity))
			return false;
		/* the last part takes what rounding left of the fee */
		exit_fee = fee_left;
		if (decimal_sign(&quantity) > 0 &&
			!part_of(&fee, &match.quantity, &all, &exit_fee))
			return false;
		if (!decimal_subtract(&fee_left, &exit_fee, &fee_left) ||
			!decimal_multiply(&match.quantity, &lot->price, &entry) ||
			!decimal_multiply(&match.quantity, &fill->price, &exit) ||
			!decimal_subtract(is_short ? &entry : &exit, is_short ? &exit : &entry, &match.gross) ||
			!decimal_add(&entry_fee, &exit_fee, &match.fees) ||
			!decimal_add(cost, &entry, cost))
			return false;
		match.is_short = is_short;
		match.entry_price = lot->price;
		match.exit_price = fill->price;
		match.opened_at = lot->time;
		match.opened_by = lot->tag;
		match.closed_at = fill->time;
		match.closed_by = fill->tag;
		if (state->hooks->matched != NULL)
			state->hooks->matched(state->hooks->context, &match);
		if (whole_lot)
			pop_lot(state, is_short);
		else if (!decimal_subtract(&lot->quantity, &match.quantity, &lot->quantity) ||
				 !decimal_subtract(&lot->fee, &entry_fee, &lot->fee))
			return false;
	}
	if (is_short)
		*cost = decimal_negate(*cost);
	return true;
}

/* Adds to a position, or opens one: delta has the position's sign. */
static bool
open_position(ledger *state, const ledger_fill *fill, const decimal *delta, const decimal *fee)
{
	ledger_trip *trip = &state->trip;
	decimal		quantity = decimal_absolute(*delta);
	decimal		value;
	decimal		signed_value;

	if (decimal_sign(&state->quantity) == 0)
	{
		memset(trip, 0, sizeof(*trip));
		trip->is_short = decimal_sign(delta) < 0;
		trip->opened_at = fill->time;
		trip->opened_by = fill->tag;
	}
	if (!decimal_multiply(&quantity, &fill->price, &value))
		return false;
	signed_value = trip->is_short ? decimal_negate(value) : value;
	if (!decimal_add(&state->quantity, delta, &state->quantity) ||
		!decimal_add(&state->cost, &signed_value, &state->cost) ||
		!decimal_add(&trip->entry_quantity, &quantity, &trip->entry_quantity) ||
		!decimal_add(&trip->entry_value, &value, &trip->entry_value) ||
		!decimal_add(&trip->fees, fee, &trip->fees))
		return false;
	if (state->method != LEDGER_AVERAGE)
	{
		ledger_lot	lot = {
			.quantity = quantity, .price = fill->price, .fee = *fee,
			.time = fill->time, .tag = fill->tag, .sequence = state->sequence++
		};

		return push_lot(state, &lot, trip->is_short);
	}
	return true;
}

/* Closes a position or a part of it: delta has the other sign and is not larger. */
static bool
close_position(ledger *state, const ledger_fill *fill, const decimal *delta, const decimal *fee,
			   ledger_outcome *outcome)
{
	ledger_trip *trip = &state->trip;
	decimal		quantity = decimal_absolute(*delta);
	decimal		open_quantity = decimal_absolute(state->quantity);
	bool		all = decimal_compare(&quantity, &open_quantity) == 0;
	decimal		value;
	decimal		signed_value;
	decimal		cost = state->cost;

	if (!decimal_multiply(&quantity, &fill->price, &value))
		return false;
	if (state->method != LEDGER_AVERAGE)
	{
		if (!take_lots(state, fill, quantity, *fee, &cost))
			return false;
	}
	else if (!all && !part_of(&state->cost, &quantity, &open_quantity, &cost))
		return false;

	signed_value = trip->is_short ? decimal_negate(value) : value;
	if (!decimal_subtract(&signed_value, &cost, &outcome->realized) ||
		!decimal_subtract(&state->cost, &cost, &state->cost) ||
		!decimal_add(&state->quantity, delta, &state->quantity) ||
		!decimal_add(&state->realized, &outcome->realized, &state->realized) ||
		!decimal_add(&trip->exit_quantity, &quantity, &trip->exit_quantity) ||
		!decimal_add(&trip->exit_value, &value, &trip->exit_value) ||
		!decimal_add(&trip->gross, &outcome->realized, &trip->gross) ||
		!decimal_add(&trip->fees, fee, &trip->fees))
		return false;
	outcome->closed_some = true;
	if (all)
	{
		outcome->trip_closed = true;
		outcome->trip = *trip;
	}
	return true;
}

/* Whether the position counts as flat at a price. */
static bool
is_flat(const ledger *state, const decimal *price)
{
	decimal		size = decimal_absolute(state->quantity);
	decimal		value;

	if (decimal_sign(&size) == 0)
		return true;
	if (!state->has_dust)
		return false;
	return decimal_compare(&size, &state->dust.quantity) <= 0 ||
		(decimal_multiply(&size, price, &value) && decimal_compare(&value, &state->dust.value) <= 0);
}

/* Opens the round trip of a position that has grown out of the dust, or ends that of one that has become dust. */
static bool
settle_trip(ledger *state, const ledger_fill *fill, ledger_outcome *outcome)
{
	ledger_trip *trip = &state->trip;
	decimal		size = decimal_absolute(state->quantity);
	decimal		cost = decimal_absolute(state->cost);
	bool		flat = is_flat(state, &fill->price);

	if (!flat && !trip->open)
	{
		trip->open = true;
		trip->opened_at = fill->time;
		trip->opened_by = fill->tag;
	}
	else if (flat && trip->open)
	{
		trip->open = false;
		if (decimal_sign(&size) == 0)
			return true;
		outcome->trip_closed = true;
		outcome->trip = *trip;
		if (!decimal_subtract(&trip->entry_quantity, &size, &outcome->trip.entry_quantity) ||
			!decimal_subtract(&trip->entry_value, &cost, &outcome->trip.entry_value))
			return false;
		memset(trip, 0, sizeof(*trip));
		trip->is_short = decimal_sign(&state->quantity) < 0;
		trip->opened_at = fill->time;
		trip->opened_by = fill->tag;
		trip->entry_quantity = size;
		trip->entry_value = cost;
	}
	return true;
}

/* Turns a position over: a close, and an open with what is left of the fill, the fee pro rata. */
static bool
turn_over(ledger *state, const ledger_fill *fill, const decimal *delta, ledger_outcome *outcome)
{
	bool		dust = !state->trip.open;
	decimal		closing = decimal_negate(state->quantity);
	decimal		opening;
	decimal		closing_fee;
	decimal		opening_fee;

	if (!decimal_subtract(delta, &closing, &opening) ||
		!part_of(&outcome->fee, &closing, delta, &closing_fee) ||
		!decimal_subtract(&outcome->fee, &closing_fee, &opening_fee) ||
		!close_position(state, fill, &closing, &closing_fee, outcome) ||
		!open_position(state, fill, &opening, &opening_fee))
		return false;
	if (!dust)
		return true;
	/* dust that a fill in the other direction swallows is no trade of its own */
	outcome->trip_closed = false;
	return decimal_add(&state->trip.gross, &outcome->trip.gross, &state->trip.gross) &&
		decimal_add(&state->trip.fees, &outcome->trip.fees, &state->trip.fees);
}

/* Books a fill that changes the position by delta. */
static bool
book(ledger *state, const ledger_fill *fill, const decimal *delta, ledger_outcome *outcome)
{
	const decimal *fee = &outcome->fee;
	decimal		size = decimal_absolute(*delta);
	decimal		open_size = decimal_absolute(state->quantity);

	if (decimal_sign(delta) == 0)
		return decimal_sign(&state->quantity) == 0 || decimal_add(&state->trip.fees, fee, &state->trip.fees);
	if (decimal_sign(&state->quantity) == 0 || decimal_sign(&state->quantity) == decimal_sign(delta))
		return open_position(state, fill, delta, fee);
	if (decimal_compare(&size, &open_size) <= 0)
		return close_position(state, fill, delta, fee, outcome);
	return turn_over(state, fill, delta, outcome);
}

/* Applies a fill; false when the numbers have too many digits to stay exact. */
bool
ledger_apply(ledger *state, const ledger_fill *fill, ledger_outcome *outcome)
{
	ledger		before = *state;
	decimal		delta = fill->sell ? decimal_negate(fill->quantity) : fill->quantity;
	bool		done = true;

	outcome->closed_some = false;
	outcome->trip_closed = false;
	outcome->realized = decimal_from_int64(0);
	outcome->fee = fill->fee_kind == LEDGER_FEE_QUOTE ? fill->fee : decimal_from_int64(0);
	if (fill->fee_kind == LEDGER_FEE_BASE)
		done = decimal_subtract(&delta, &fill->fee, &delta) &&
			decimal_multiply(&fill->fee, &fill->price, &outcome->fee);
	done = done && book(state, fill, &delta, outcome) && settle_trip(state, fill, outcome) &&
		decimal_add(&state->fees, &outcome->fee, &state->fees);
	if (!done && state->method == LEDGER_AVERAGE)
		*state = before;
	return done;
}

/* Computes the profit of the open position at a price. */
bool
ledger_unrealized(const ledger *state, const decimal *mark, decimal *result)
{
	return decimal_multiply(&state->quantity, mark, result) &&
		decimal_subtract(result, &state->cost, result);
}
