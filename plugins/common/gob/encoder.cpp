/// Encodes gob descriptors and values.

#include "common/gob/encoder.hpp"

#include <utility>

namespace weft::gob {
namespace {

constexpr int slice_kind = 2;
constexpr int struct_kind = 3;
constexpr int map_kind = 4;

void put_type_id(StructWriter& to, unsigned index, TypeId id) {
  to.put_int(index, static_cast<std::int64_t>(id));
}

/// CommonType { Name string; Id int }.
void put_common(StructWriter& to, const Descriptor& type) {
  StructWriter common(to.begin(0));
  common.put_string(0, type.name);
  put_type_id(common, 1, type.id);
  common.end();
}

void put_fields(StructWriter& to, const Descriptor& type) {
  if (type.fields.empty()) {
    return;
  }
  Bytes& body = to.begin(1);
  append_uint(body, type.fields.size());
  for (const Descriptor::Field& field : type.fields) {
    StructWriter described(body);
    described.put_string(0, field.name);
    put_type_id(described, 1, field.type);
    described.end();
  }
}

}  // namespace

Descriptor slice_type(TypeId id, std::string_view name, TypeId element) {
  return {slice_kind, id, name, {}, element, {}};
}

Descriptor map_type(TypeId id, std::string_view name, TypeId key, TypeId element) {
  return {map_kind, id, name, key, element, {}};
}

Descriptor struct_type(TypeId id, std::string_view name, std::vector<Descriptor::Field> fields) {
  return {struct_kind, id, name, {}, {}, std::move(fields)};
}

Bytes& StructWriter::begin(unsigned index) {
  append_uint(to_, static_cast<std::uint64_t>(static_cast<int>(index) - last_index_));
  last_index_ = static_cast<int>(index);
  return to_;
}

void StructWriter::put_uint(unsigned index, std::uint64_t value) {
  if (value != 0) {
    append_uint(begin(index), value);
  }
}

void StructWriter::put_int(unsigned index, std::int64_t value) {
  if (value != 0) {
    append_int(begin(index), value);
  }
}

void StructWriter::put_bool(unsigned index, bool value) {
  put_uint(index, value ? 1 : 0);
}

void StructWriter::put_bytes(unsigned index, ByteView value) {
  if (!value.empty()) {
    append_counted(begin(index), value);
  }
}

void StructWriter::put_string(unsigned index, std::string_view value) {
  put_bytes(index, as_bytes(value));
}

void StructWriter::end() {
  to_.push_back(std::byte{0});
}

void StreamWriter::describe(const Descriptor& type) {
  Bytes body;
  append_int(body, -static_cast<std::int64_t>(type.id));
  StructWriter wire_type(body);
  StructWriter described(wire_type.begin(static_cast<unsigned>(type.kind - 1)));
  put_common(described, type);
  switch (type.kind) {
    case slice_kind:
      put_type_id(described, 1, type.element);
      break;
    case map_kind:
      put_type_id(described, 1, type.key);
      put_type_id(described, 2, type.element);
      break;
    default:
      put_fields(described, type);
      break;
  }
  described.end();
  wire_type.end();
  put_message(body);
}

Bytes StreamWriter::begin_value(TypeId type) {
  Bytes body;
  append_int(body, static_cast<std::int64_t>(type));
  return body;
}

void StreamWriter::put_message(const Bytes& body) {
  append_counted(stream_, body);
}

void StreamWriter::put_string(std::string_view value) {
  put_value(TypeId::string, [value](Bytes& body) { append_counted(body, as_bytes(value)); });
}

void StreamWriter::put_uint(std::uint64_t value) {
  put_value(TypeId::unsigned_integer, [value](Bytes& body) { append_uint(body, value); });
}

void StreamWriter::put_bytes(ByteView value) {
  put_value(TypeId::bytes, [value](Bytes& body) { append_counted(body, value); });
}

}  // namespace weft::gob
