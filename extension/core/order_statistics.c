/*
 * A treap: a search tree kept balanced by random priorities. The sum of a
 * subtree is always computed from its children, never by subtraction.
 */
#include "core/order_statistics.h"

#include <math.h>

#include "core/quantile.h"

/* Prepares an empty multiset. */
void
pulse_order_statistics_begin(pulse_order_statistics *s, pulse_memory memory)
{
	*s = (pulse_order_statistics) {.memory = memory, .capacity = 16, .used = 1, .random = UINT64_C(0x9e3779b97f4a7c15)};
	s->nodes = memory.resize(memory.context, NULL, s->capacity * sizeof(pulse_order_node));
	s->nodes[0] = (pulse_order_node) {0};
}

static uint32_t
new_node(pulse_order_statistics *s, double value)
{
	uint32_t	i = s->free;

	if (i != 0)
		s->free = s->nodes[i].left;
	else
	{
		if (s->used == s->capacity)
		{
			s->capacity *= 2;
			s->nodes = s->memory.resize(s->memory.context, s->nodes, s->capacity * sizeof(pulse_order_node));
		}
		i = s->used++;
	}
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	s->nodes[i] = (pulse_order_node) {.value = value, .sum = value, .count = 1, .priority = (uint32_t) (s->random >> 32)};
	return i;
}

static void
update(pulse_order_node *nodes, uint32_t i)
{
	pulse_order_node *n = &nodes[i];

	n->count = nodes[n->left].count + 1 + nodes[n->right].count;
	n->sum = nodes[n->left].sum + n->value + nodes[n->right].sum;
}

static uint32_t
rotate_right(pulse_order_node *nodes, uint32_t i)
{
	uint32_t	up = nodes[i].left;

	nodes[i].left = nodes[up].right;
	nodes[up].right = i;
	update(nodes, i);
	return up;
}

static uint32_t
rotate_left(pulse_order_node *nodes, uint32_t i)
{
	uint32_t	up = nodes[i].right;

	nodes[i].right = nodes[up].left;
	nodes[up].left = i;
	update(nodes, i);
	return up;
}

static uint32_t
insert(pulse_order_node *nodes, uint32_t root, uint32_t new)
{
	if (root == 0)
		return new;
	if (nodes[new].value < nodes[root].value)
	{
		nodes[root].left = insert(nodes, nodes[root].left, new);
		if (nodes[nodes[root].left].priority > nodes[root].priority)
			root = rotate_right(nodes, root);
	}
	else
	{
		nodes[root].right = insert(nodes, nodes[root].right, new);
		if (nodes[nodes[root].right].priority > nodes[root].priority)
			root = rotate_left(nodes, root);
	}
	update(nodes, root);
	return root;
}

/* Joins two trees, all of left at or below all of right. */
static uint32_t
join(pulse_order_node *nodes, uint32_t left, uint32_t right)
{
	if (left == 0 || right == 0)
		return left + right;
	if (nodes[left].priority > nodes[right].priority)
	{
		nodes[left].right = join(nodes, nodes[left].right, right);
		update(nodes, left);
		return left;
	}
	nodes[right].left = join(nodes, left, nodes[right].left);
	update(nodes, right);
	return right;
}

/* Takes one node of a value out; *removed is 0 if there is none. */
static uint32_t
take_out(pulse_order_node *nodes, uint32_t root, double value, uint32_t *removed)
{
	if (root == 0)
	{
		*removed = 0;
		return 0;
	}
	if (value == nodes[root].value)
	{
		*removed = root;
		return join(nodes, nodes[root].left, nodes[root].right);
	}
	if (value < nodes[root].value)
		nodes[root].left = take_out(nodes, nodes[root].left, value, removed);
	else
		nodes[root].right = take_out(nodes, nodes[root].right, value, removed);
	update(nodes, root);
	return root;
}

/* Adds a finite value; at most 2^32 - 2 of them. */
void
pulse_order_statistics_add(pulse_order_statistics *s, double value)
{
	uint32_t	i = new_node(s, value);

	s->root = insert(s->nodes, s->root, i);
}

/* Removes one value equal to value, if there is one. */
void
pulse_order_statistics_remove(pulse_order_statistics *s, double value)
{
	uint32_t	removed;

	s->root = take_out(s->nodes, s->root, value, &removed);
	if (removed != 0)
	{
		s->nodes[removed].left = s->free;
		s->free = removed;
	}
}

/* Returns the number of values. */
size_t
pulse_order_statistics_count(const pulse_order_statistics *s)
{
	return s->nodes[s->root].count;
}

static double
kth(const pulse_order_statistics *s, size_t k)
{
	const pulse_order_node *nodes = s->nodes;
	uint32_t	i = s->root;

	for (;;)
	{
		size_t		below = nodes[nodes[i].left].count;

		if (k < below)
			i = nodes[i].left;
		else if (k == below)
			return nodes[i].value;
		else
		{
			k -= below + 1;
			i = nodes[i].right;
		}
	}
}

/* Returns the type 7 quantile of probability p of at least one value. */
double
pulse_order_statistics_quantile(const pulse_order_statistics *s, double p)
{
	pulse_quantile_position at = pulse_quantile_locate(pulse_order_statistics_count(s), p);
	double		low = kth(s, at.index);

	return at.weight == 0.0 ? low : pulse_quantile_interpolate(low, kth(s, at.index + 1), at.weight);
}

/* Returns the mean of the values at or below limit; NaN if there are none. */
double
pulse_order_statistics_tail_mean(const pulse_order_statistics *s, double limit)
{
	const pulse_order_node *nodes = s->nodes;
	double		sum = 0;
	size_t		count = 0;

	for (uint32_t i = s->root; i != 0;)
	{
		if (nodes[i].value <= limit)
		{
			sum += nodes[nodes[i].left].sum + nodes[i].value;
			count += nodes[nodes[i].left].count + 1;
			i = nodes[i].right;
		}
		else
			i = nodes[i].left;
	}
	return count > 0 ? sum / (double) count : NAN;
}
