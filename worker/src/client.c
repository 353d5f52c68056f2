#include "client.h"

#include "memory.h"

#include <stdlib.h>

/* Sets up a client that gets everything from now on. */
void
client_init(struct client *client)
{
	subscription_init(&client->subscription);
	client->sent = EVENT_NO_PREV;
}

/* Entries of queues that were used before: each event needs one for each client. */
#define MAX_SPARE 8192
static struct queued *spare;
static int	spare_count;

static struct queued *
new_queued(void)
{
	struct queued *queued = spare;

	if (queued == NULL)
		return memory_alloc_zero(sizeof(*queued));
	spare = queued->next;
	spare_count--;
	*queued = (struct queued) {0};
	return queued;
}

static void
free_queued(struct queued *queued)
{
	if (spare_count >= MAX_SPARE)
	{
		free(queued);
		return;
	}
	queued->next = spare;
	spare = queued;
	spare_count++;
}

static void
unlink_state(struct queue *queue, struct queued *queued)
{
	if (queued->event == NULL || !event_is_state(queued->event))
		return;
	if (queued->previous_state != NULL)
		queued->previous_state->next_state = queued->next_state;
	else
		queue->first_state = queued->next_state;
	if (queued->next_state != NULL)
		queued->next_state->previous_state = queued->previous_state;
}

static void
remove_queued(struct queue *queue, struct queued *queued)
{
	if (queued->previous != NULL)
		queued->previous->next = queued->next;
	else
		queue->first = queued->next;
	if (queued->next != NULL)
		queued->next->previous = queued->previous;
	else
		queue->last = queued->previous;
	unlink_state(queue, queued);
	queue->bytes -= queued->bytes;
	queue->count--;
	event_release(queued->event);
	frame_release(queued->frame);
	free_queued(queued);
}

static void
append(struct queue *queue, struct queued *queued)
{
	queued->previous = queue->last;
	if (queue->last != NULL)
		queue->last->next = queued;
	else
		queue->first = queued;
	queue->last = queued;
	queue->bytes += queued->bytes;
	queue->count++;
	if (queued->event != NULL && event_is_state(queued->event))
	{
		queued->next_state = queue->first_state;
		if (queue->first_state != NULL)
			queue->first_state->previous_state = queued;
		queue->first_state = queued;
	}
}

/*
 * Queues an event behind the others. An older state message of the same key that still waits is dropped, so a slow
 * client holds at most one of each key, always the newest, and the order by seq is kept.
 */
void
client_push_event(struct client *client, struct event *event)
{
	struct queued *queued;

	if (event_is_state(event))
	{
		for (struct queued *other = client->queue.first_state; other != NULL; other = other->next_state)
		{
			if (!event_same_key(other->event, event))
				continue;
			remove_queued(&client->queue, other);
			break;
		}
	}
	queued = new_queued();
	queued->event = event_hold(event);
	queued->bytes = sizeof(*queued) + event->frame->length;
	append(&client->queue, queued);
}

/* Queues a frame, whose reference goes over to the queue. */
void
client_push_frame(struct queue *queue, struct frame *frame, uint64_t cut)
{
	struct queued *queued = new_queued();

	queued->frame = frame;
	queued->cut = cut;
	queued->bytes = sizeof(*queued) + frame->length;
	append(queue, queued);
}

/*
 * Puts a snapshot before the queue and takes out the events that it contains: after it the stream goes on with the
 * event that follows its seq. The frame's reference goes over.
 */
void
client_push_snapshot(struct client *client, struct frame *frame, uint64_t seq)
{
	struct queue *queue = &client->queue;
	struct queued *snapshot;

	for (struct queued *queued = queue->first; queued != NULL;)
	{
		struct queued *next = queued->next;

		if ((queued->event != NULL && queued->event->seq <= seq) || queued->cut > 0)
			remove_queued(queue, queued);
		queued = next;
	}
	snapshot = new_queued();
	snapshot->frame = frame;
	snapshot->cut = seq;
	snapshot->bytes = sizeof(*snapshot) + frame->length;
	snapshot->next = queue->first;
	if (queue->first != NULL)
		queue->first->previous = snapshot;
	else
		queue->last = snapshot;
	queue->first = snapshot;
	queue->bytes += snapshot->bytes;
	queue->count++;
	if (client->floor < seq)
		client->floor = seq;
	if (client->replaying && client->replayed < seq)
		client->replayed = seq;
}

/* Takes all events out of the queue; frames stay. */
void
client_drop_events(struct client *client)
{
	for (struct queued *queued = client->queue.first; queued != NULL;)
	{
		struct queued *next = queued->next;

		if (queued->event != NULL)
			remove_queued(&client->queue, queued);
		queued = next;
	}
}

/* Empties both queues. */
void
client_drop_queue(struct client *client)
{
	while (client->queue.first != NULL)
		remove_queued(&client->queue, client->queue.first);
	while (client->answers.first != NULL)
		remove_queued(&client->answers, client->answers.first);
}

/* Frees what a client holds, not the client. */
void
client_free(struct client *client)
{
	client_drop_queue(client);
	subscription_free(&client->subscription);
	text_free(&client->received);
	frame_release(client->sending);
	principal_release(client->principal);
	peer_release(client->peer);
	free(client->snapshot_id);
	free(client->snapshot_portfolio);
}

/* Tells whether the client asked for an event and may get it. */
bool
client_wants(const struct client *client, const struct event *event)
{
	return client->principal != NULL && client->principal->valid &&
		subscription_accepts(&client->subscription, event) && principal_may_get(client->principal, event);
}

/* Tells whether there is something to send now. */
bool
client_has_output(const struct client *client)
{
	return client->sending != NULL || client->answers.first != NULL || (client->queue.first != NULL && !client->held && !client->fresh);
}

/*
 * Takes the next message off and returns its frame with a reference, NULL when there is none. prev_seq is filled in
 * here, not when the event was queued: it names the event that really went out before.
 */
struct frame *
client_next_frame(struct client *client)
{
	struct frame *frame = NULL;

	if (client->answers.first != NULL)
	{
		frame = frame_hold(client->answers.first->frame);
		remove_queued(&client->answers, client->answers.first);
		return frame;
	}
	while (frame == NULL && !client->held && !client->fresh && client->queue.first != NULL)
	{
		struct queued *queued = client->queue.first;

		if (queued->frame != NULL)
		{
			frame = frame_hold(queued->frame);
			if (queued->cut > 0)
				client->sent = queued->cut;
		}
		/* The subscription may have become narrower since this was queued. */
		else if (client_wants(client, queued->event))
		{
			frame = frame_hold(event_frame(queued->event, client->sent));
			client->sent = queued->event->seq;
		}
		remove_queued(&client->queue, queued);
	}
	return frame;
}

/* Counts one message from the client against its rate, with a burst of two seconds' worth. */
bool
client_may_send(struct client *client, uint64_t now, int64_t rate)
{
	return bucket_take(&client->messages, now, (double) rate, (double) rate * 2);
}
