#pragma once
/// Writes gob streams as a fresh Go process would, octet for octet.
///
/// The caller lists the descriptors of its types, outermost first, with ids from 65 up as Go 1.19
/// assigns them; receivers accept any ids from 64 up.
/// Source: Go encoding/gob type.go, encoder.go.

#include <string_view>
#include <vector>

#include "common/gob/primitives.hpp"

namespace weft::gob {

/// How a type is announced. Build with the functions below.
struct Descriptor {
  struct Field {
    std::string_view name;
    TypeId type{};
  };
  int kind = 0;  ///< number of the wireType field: 2 slice, 3 structure, 4 map
  TypeId id{};
  std::string_view name;  ///< Go's name of the type; empty for unnamed types
  TypeId key{};
  TypeId element{};
  std::vector<Field> fields;
};

[[nodiscard]] Descriptor slice_type(TypeId id, std::string_view name, TypeId element);
[[nodiscard]] Descriptor map_type(TypeId id, std::string_view name, TypeId key, TypeId element);
[[nodiscard]] Descriptor struct_type(TypeId id, std::string_view name,
                                     std::vector<Descriptor::Field> fields);

/// The fields of one structure, in order of their index. Zero values are left out, as Go does.
class StructWriter {
 public:
  explicit StructWriter(Bytes& to) : to_(to) {}

  void put_uint(unsigned index, std::uint64_t value);
  void put_int(unsigned index, std::int64_t value);
  void put_bool(unsigned index, bool value);
  void put_bytes(unsigned index, ByteView value);
  void put_string(unsigned index, std::string_view value);
  /// Announces the field; the caller appends its value: a nested structure, list or map. Call it
  /// for present fields only: Go leaves out empty lists and nil maps, but sends empty maps.
  Bytes& begin(unsigned index);
  /// Ends the structure.
  void end();

 private:
  Bytes& to_;
  int last_index_ = -1;
};

/// Builds a stream.
class StreamWriter {
 public:
  void describe(const Descriptor& type);

  /// Appends a structure that `write(StructWriter&)` fills and does not end.
  template <class F>
  void put_struct(TypeId type, F write) {
    Bytes body = begin_value(type);
    StructWriter fields(body);
    write(fields);
    fields.end();
    put_message(body);
  }

  /// Appends a list, map or built-in value that `write(Bytes&)` encodes.
  template <class F>
  void put_value(TypeId type, F write) {
    Bytes body = begin_value(type);
    body.push_back(std::byte{0});
    write(body);
    put_message(body);
  }

  void put_string(std::string_view value);
  void put_uint(std::uint64_t value);
  void put_bytes(ByteView value);

  [[nodiscard]] Bytes take() { return std::move(stream_); }

 private:
  [[nodiscard]] static Bytes begin_value(TypeId type);
  void put_message(const Bytes& body);

  Bytes stream_;
};

}  // namespace weft::gob
