/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The events of the middle handshake become a picture: a row an event, time
 * to the right.
 */
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

#define WIDTH  860
#define LEFT   250
#define RIGHT  90
#define TOP    64
#define STEP   22
#define HEIGHT 14

/* Okabe and Ito's palette: told apart by every eye, and in print. */
static const struct {
	const char *name, *colour;
} kinds[] = {
	[EVENT_LIBRARY] = {"library", "#D55E00"},
	[EVENT_NETWORK] = {"network", "#009E73"},
	[EVENT_CARD] = {"waiting for the card", "#CCCCCC"},
	[EVENT_EXCHANGE] = {"exchange", "#0072B2"},
};

/* XML 1.0 2.4; other than ASCII is left out. */
static void put_text(FILE *file, const char *text)
{
	for (; *text; text++)
		if (*text == '&' || *text == '<' || *text == '>')
			fprintf(file, "&#%d;", *text);
		else if (*text >= ' ' && *text < 127)
			fputc(*text, file);
}

static int by_begin(const void *a, const void *b)
{
	const struct event *one = a, *other = b;

	if (one->begin != other->begin)
		return one->begin < other->begin ? -1 : 1;
	/* The wait stands above what it waits for. */
	return (int)one->kind - (int)other->kind;
}

static void put_label(FILE *file, unsigned y, const char *text)
{
	fprintf(file,
		"<text x=\"%d\" y=\"%u\" text-anchor=\"end\" "
		"font-size=\"12\">",
		LEFT - 8, y + 12);
	put_text(file, text);
	fputs("</text>\n", file);
}

static void put_bar(FILE *file, unsigned y, uint64_t begin, uint64_t end,
		    uint64_t total, const char *colour)
{
	double scale = (double)(WIDTH - LEFT - RIGHT) / (double)total;
	double x = LEFT + (double)begin * scale;
	double width = (double)(end - begin) * scale;

	fprintf(file,
		"<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" "
		"fill=\"%s\"/>\n<text x=\"%.1f\" y=\"%u\" "
		"font-size=\"11\">%.1f ms</text>\n",
		x, y, width < 1 ? 1 : width, HEIGHT, colour,
		x + (width < 1 ? 1 : width) + 4, y + 11,
		(double)(end - begin) / 1000);
}

static void put_head(FILE *file, const struct bench *bench,
		     const struct sample *sample, unsigned height)
{
	struct parts parts = bench_parts(bench, sample);

	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%u\" viewBox=\"0 0 %d %u\" "
		"font-family=\"sans-serif\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<text x=\"16\" y=\"24\" font-size=\"15\" "
		"font-weight=\"bold\">One TLS handshake, %.1f ms</text>\n"
		"<text x=\"16\" y=\"44\" font-size=\"12\">UART %.1f ms, modem "
		"and card %.1f ms, library %.1f ms, network %.1f ms</text>\n",
		WIDTH, height, WIDTH, height, (double)sample->total / 1000,
		(double)parts.uart / 1000, (double)parts.modem_card / 1000,
		(double)parts.library / 1000, (double)parts.network / 1000);
}

void bench_draw(const struct bench *bench, FILE *file)
{
	const struct sample *sample =
		bench_rank(&bench->phases[PHASE_HANDSHAKE], 50);
	struct timeline *timeline = sample->timeline;
	uint64_t total = sample->total ? sample->total : 1;
	unsigned y = TOP;

	qsort(timeline->events, timeline->count, sizeof(struct event),
	      by_begin);
	put_head(file, bench, sample,
		 (unsigned)(TOP + STEP * timeline->count + 12));
	for (size_t i = 0; i < timeline->count; i++, y += STEP) {
		const struct event *event = &timeline->events[i];

		put_label(file, y,
			  *event->name ? event->name : kinds[event->kind].name);
		put_bar(file, y, event->begin, event->end, total,
			kinds[event->kind].colour);
	}
	fputs("</svg>\n", file);
}
