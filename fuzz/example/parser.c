#include "fuzz/example/parser.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/example/planted.h"

enum { most_items = 8, tab_width = 8, header_bytes = 16, most_components = 64 };

/* One record of the message. */
struct record {
  const uint8_t* bytes;
  size_t length;
};

struct item {
  size_t length;
  uint64_t kind;
  char* text;
  uint64_t uses;
};

struct settings {
  uint64_t level;
  uint64_t flags;
  char* note; /* null: none */
};

struct message {
  struct item* items[most_items];
  bool is_live[most_items];
  size_t item_count;
  uint32_t* values;
  size_t value_count;
  size_t value_room;
  char* log;
  uint32_t checksum;
};

static void* allocate(size_t bytes) {
  void* block = malloc(bytes == 0 ? 1 : bytes);
  if (block == NULL) exit(1);
  return block;
}

static void mix(struct message* message, const char* text, size_t length) {
  for (size_t i = 0; i < length; ++i) message->checksum = message->checksum * 31 + (uint8_t)text[i];
}

/* N: a name. One that begins with a quote ends with one, which is added. */
static void parse_name(struct message* message, struct record record) {
  const bool quoted = record.length > 0 && record.bytes[0] == '"';
  const bool forgotten = harms(overflow_one, quoted);
  char* name = allocate(record.length + (quoted && !forgotten ? 1 : 0));
  memcpy(name, record.bytes, record.length);
  if (quoted) name[record.length] = '"';
  mix(message, name, record.length);
  free(name);
}

/* S: a string. Blocks for strings are multiples of 8 bytes. */
static void parse_string(struct message* message, struct record record) {
  const bool forgotten = harms(off_by_null, record.length > 0 && record.length % 8 == 0);
  char* string = allocate((record.length + (forgotten ? 0 : 1) + 7) / 8 * 8);
  for (size_t i = 0; i < record.length; ++i) string[i] = (char)(record.bytes[i] | 0x80);
  string[record.length] = '\0';
  mix(message, string, record.length);
  free(string);
}

/* T: text in which tabs become blanks. */
static void parse_text(struct message* message, struct record record) {
  size_t tabs = 0;
  for (size_t i = 0; i < record.length; ++i) tabs += record.bytes[i] == '\t';
  const size_t wide = harms(overflow_many, tabs > 0) ? 2 : tab_width;
  char* text = allocate(record.length + tabs * (wide - 1));
  char* at = text;
  for (size_t i = 0; i < record.length; ++i) {
    if (record.bytes[i] == '\t') {
      for (int blank = 0; blank < tab_width; ++blank) *at++ = ' ';
    } else {
      *at++ = (char)record.bytes[i];
    }
  }
  mix(message, text, (size_t)(at - text));
  free(text);
}

/* P: a path whose components are letters; a dot goes up to the one above. */
static void parse_path(struct message* message, struct record record) {
  char* path = allocate(2 * record.length + 2);
  char* end = path;
  for (size_t i = 0; i < record.length; ++i) {
    if (record.bytes[i] == '.') {
      if (end != path || harms(underflow, true)) end -= 2;
    }
    if (record.bytes[i] != '.' || end < path) {
      end[0] = '/';
      end[1] = (char)record.bytes[i];
      end += 2;
    }
  }
  if (end > path) mix(message, path, (size_t)(end - path));
  free(path);
}

/* I: an item with a text. */
static void add_item(struct message* message, struct record record) {
  if (message->item_count == most_items) return;
  struct item* item = allocate(sizeof *item);
  item->length = record.length;
  item->kind = 1;
  item->text = allocate(record.length);
  item->uses = 0;
  memcpy(item->text, record.bytes, record.length);
  message->is_live[message->item_count] = true;
  message->items[message->item_count++] = item;
}

/* The number of the item that the record names, or none: most_items. */
static size_t named_item(const struct message* message, struct record record) {
  if (record.length == 0 || message->item_count == 0) return most_items;
  return record.bytes[0] % message->item_count;
}

/* D: forget an item. */
static void delete_item(struct message* message, struct record record) {
  const size_t index = named_item(message, record);
  if (index == most_items) return;
  if (!message->is_live[index] && !harms(double_free, true)) return;
  if (message->is_live[index]) free(message->items[index]->text);
  message->is_live[index] = false;
  free(message->items[index]);
}

/* U: use an item. */
static void use_item(struct message* message, struct record record) {
  const size_t index = named_item(message, record);
  if (index == most_items) return;
  if (message->is_live[index] || harms(use_after_free_write, true))
    message->items[index]->uses += record.length;
}

/* R: refer to an item: what its text begins with. */
static void refer_to_item(struct message* message, struct record record) {
  const size_t index = named_item(message, record);
  if (index == most_items) return;
  if (message->is_live[index] || harms(use_after_free_read, true))
    mix(message, message->items[index]->text, 1);
}

/* B: a body, which may begin with a header of 16 bytes. */
static void parse_body(struct message* message, struct record record) {
  char* body = allocate(record.length);
  memcpy(body, record.bytes, record.length);
  const bool has_header = record.length > header_bytes && body[0] == '#';
  char* begin = body + (has_header ? header_bytes : 0);
  mix(message, begin, (size_t)(body + record.length - begin));
  free(harms(invalid_free, has_header) ? begin : body);
}

/* A: append numbers to the list. */
static void append_values(struct message* message, struct record record) {
  for (size_t i = 0; i < record.length; ++i) {
    if (message->value_count == message->value_room) {
      const size_t room = message->value_room == 0 ? 4 : 2 * message->value_room;
      const size_t each = harms(realloc_confusion, room > 4) ? 1 : sizeof *message->values;
      uint32_t* grown = realloc(message->values, room * each);
      if (grown == NULL) exit(1);
      message->values = grown;
      message->value_room = room;
    }
    message->values[message->value_count++] = record.bytes[i];
  }
}

/* O: settings, which may have a note. */
static void parse_settings(struct message* message, struct record record) {
  if (record.length == 0) return;
  struct settings* settings = allocate(sizeof *settings);
  settings->level = record.bytes[0];
  settings->flags = record.length > 1 ? record.bytes[1] : 0;
  const bool has_note = record.length > 2 && settings->flags == 'n';
  char* note = NULL;
  if (has_note) {
    note = allocate(record.length);
    memcpy(note, record.bytes, record.length);
  }
  if (has_note || !harms(uninitialised_read, record.length == 1)) settings->note = note;
  if (settings->note != NULL) mix(message, settings->note, 1);
  free(note);
  free(settings);
}

/* C: a copy of the first so many bytes that follow. */
static void copy_bytes(struct message* message, struct record record) {
  if (record.length < 2) return;
  char* source = allocate(record.length - 1);
  memcpy(source, record.bytes + 1, record.length - 1);
  size_t wanted = record.bytes[0];
  if (wanted > record.length - 1 && !harms(overread, true)) wanted = record.length - 1;
  char* copy = allocate(wanted);
  memcpy(copy, source, wanted);
  mix(message, copy, wanted);
  free(copy);
  free(source);
}

/* L: the log; the last one counts. */
static void set_log(struct message* message, struct record record) {
  if (!harms(leak, message->log != NULL)) free(message->log);
  message->log = allocate(record.length + 1);
  memcpy(message->log, record.bytes, record.length);
  message->log[record.length] = '\0';
}

static void parse_record(struct message* message, uint8_t kind, struct record record) {
  switch (kind) {
    case 'N':
      parse_name(message, record);
      break;
    case 'S':
      parse_string(message, record);
      break;
    case 'T':
      parse_text(message, record);
      break;
    case 'P':
      parse_path(message, record);
      break;
    case 'I':
      add_item(message, record);
      break;
    case 'D':
      delete_item(message, record);
      break;
    case 'U':
      use_item(message, record);
      break;
    case 'R':
      refer_to_item(message, record);
      break;
    case 'B':
      parse_body(message, record);
      break;
    case 'A':
      append_values(message, record);
      break;
    case 'O':
      parse_settings(message, record);
      break;
    case 'C':
      copy_bytes(message, record);
      break;
    case 'L':
      set_log(message, record);
      break;
    default:
      break;
  }
}

static void release(struct message* message) {
  for (size_t i = 0; i < message->item_count; ++i) {
    if (!message->is_live[i]) continue;
    free(message->items[i]->text);
    free(message->items[i]);
  }
  free(message->values);
  free(message->log);
}

uint32_t parse_message(const uint8_t* bytes, size_t size) {
  struct message message = {.checksum = 1};
  while (size >= 2) {
    const size_t room = size - 2;
    const struct record record = {bytes + 2, bytes[1] < room ? bytes[1] : room};
    parse_record(&message, bytes[0], record);
    bytes += 2 + record.length;
    size -= 2 + record.length;
  }
  release(&message);
  return message.checksum;
}
