/*
 * Handing new events over with the notification about them: who follows the stream need not ask for what it has in hand.
 *
 * Anybody who may connect may listen to any channel and notify on it, so this one has a name that nobody can guess. It
 * stands in a table that nobody may read, and pulse.follow_events(), which those with the level worker may call, listens to
 * it: what comes over it was sent by us, and only they hear it. Many events at once are read from the table faster.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "src/compat.h"
#include "src/hand_over.h"
#include "src/json_time.h"
#include "src/statement.h"

/* A notification holds a little more, which depends on the size of a page. */
#define MAX_PAYLOAD (BLCKSZ - 2 * NAMEDATALEN - 256)

static PulseStatement channel_name = {
	"SELECT name FROM pulse.event_channel", 0, {0}, NULL
};

/* Returns the name of the channel, NULL where there is none: the extension has it since 1.1. */
static const char *
channel(void)
{
	static Oid	known = InvalidOid;
	static char name[NAMEDATALEN];
	Oid			table = get_relname_relid("event_channel", get_namespace_oid("pulse", false));
	bool		null;

	if (table != known)
	{
		name[0] = '\0';
		if (OidIsValid(table) && pulse_run(&channel_name, NULL, NULL) == 1)
			strlcpy(name, TextDatumGetCString(pulse_result(1, &null)), sizeof(name));
		known = table;
	}
	return name[0] != '\0' ? name : NULL;
}

/* Appends a line of its own with a text, "-" when there is none; false when it is more than a line. */
static bool
append_line(StringInfo payload, const char *text)
{
	if (text == NULL)
		appendStringInfoString(payload, "-\n");
	else
		appendStringInfo(payload, "=%s\n", text);
	return text == NULL || strchr(text, '\n') == NULL;
}

/* Prepares to hand over an event of this transaction. */
void
pulse_hand_over(PulseSequencer *sequencer, const PulseEventRow *event)
{
	MemoryContext old;
	StringInfoData payload;
	Jsonb	   *data;
	bool		fits;

	if (sequencer->handed_over++ >= PULSE_HANDED_OVER)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	initStringInfo(&payload);
	appendStringInfo(&payload, INT64_FORMAT " %s %s %s %s\n", event->seq, sequencer->epoch, pulse_json_time(event->ts), event->type,
					 event->priority);
	fits = append_line(&payload, event->portfolio) && append_line(&payload, event->key);
	data = DatumGetJsonbP(event->data);
	if (fits && payload.len + VARSIZE(data) < MAX_PAYLOAD)
		(void) JsonbToCString(&payload, &data->root, VARSIZE(data));
	else
		fits = false;
	sequencer->payloads[sequencer->handed_over - 1] = fits && payload.len < MAX_PAYLOAD ? payload.data : NULL;
	MemoryContextSwitchTo(old);
}

/* Sends with the commit what was prepared, unless it is not all of the transaction's events. */
void
pulse_send_handed_over(const PulseSequencer *sequencer)
{
	const char *name;

	if (sequencer->handed_over == 0 || sequencer->handed_over > PULSE_HANDED_OVER ||
		sequencer->handed_over != sequencer->seq - sequencer->first_seq)
		return;
	for (int i = 0; i < sequencer->handed_over; i++)
		if (sequencer->payloads[i] == NULL)
			return;
	name = channel();
	if (name == NULL)
		return;
	for (int i = 0; i < sequencer->handed_over; i++)
		Async_Notify(name, sequencer->payloads[i]);
}
