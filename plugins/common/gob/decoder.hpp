#pragma once
/// Reads gob streams of any sender: values are decoded by the descriptors that the stream itself
/// carries, struct fields are matched by name, and unknown fields are skipped.
/// Source: Go encoding/gob doc.go and type.go, wireType.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/gob/primitives.hpp"

namespace weft::gob {

/// A type that the sender described.
struct WireType {
  enum class Kind : std::uint8_t { array = 1, slice = 2, structure = 3, map = 4 };
  struct Field {
    std::string name;
    TypeId type{};
  };
  Kind kind{};
  TypeId element{};           ///< of arrays, slices and maps
  TypeId key{};               ///< of maps
  std::vector<Field> fields;  ///< of structures
};

using TypeTable = std::map<TypeId, WireType>;

/// One value in a message: its type and where it starts. Read it exactly once, with the method
/// for what is expected there; another type is Errc::malformed. Views point into the message.
class ValueReader {
 public:
  ValueReader(const TypeTable& types, TypeId type, Cursor& cursor, unsigned depth = 0)
      : types_(types), type_(type), cursor_(cursor), depth_(depth) {}

  [[nodiscard]] Result<bool> as_bool();
  [[nodiscard]] Result<std::int64_t> as_int();
  /// Errors: Errc::malformed also when the value is greater than `max`.
  [[nodiscard]] Result<std::uint64_t> as_uint(
      std::uint64_t max = std::numeric_limits<std::uint64_t>::max());
  [[nodiscard]] Result<ByteView> as_bytes();
  [[nodiscard]] Result<std::string_view> as_string();

  /// Calls `element` once per element.
  [[nodiscard]] Result<> as_list(const std::function<Result<>(ValueReader&)>& element);
  /// Calls `entry` once per entry; it must read the key before the value.
  [[nodiscard]] Result<> as_map(
      const std::function<Result<>(ValueReader& key, ValueReader& value)>& entry);
  /// Calls `field` once per field that is present, in order. A field it does not read is skipped.
  [[nodiscard]] Result<> as_struct(
      const std::function<Result<>(std::string_view name, ValueReader&)>& field);

  /// How many elements the list has, without reading it.
  [[nodiscard]] Result<std::uint64_t> count_elements();

  /// Passes over the value, whatever it is.
  [[nodiscard]] Result<> skip();
  /// Passes over the rest of the message unread, at no cost: for a value that is refused whatever
  /// it holds. Only on the value that the message consists of.
  void discard() noexcept;

 private:
  [[nodiscard]] Result<> expect(TypeId type, const char* what);
  [[nodiscard]] Result<const WireType*> expect(WireType::Kind kind, const char* what);
  [[nodiscard]] Result<std::uint64_t> read_count();
  [[nodiscard]] ValueReader nested(TypeId type) const;

  const TypeTable& types_;
  TypeId type_;
  Cursor& cursor_;
  unsigned depth_;
  bool is_read_ = false;
};

/// Decodes the messages of one stream in order; remembers the stream's types.
class Decoder {
 public:
  /// One message without its length. Calls `value` when the message is a value, not when it
  /// describes a type; returns whether it did.
  [[nodiscard]] Result<bool> decode(ByteView message,
                                    const std::function<Result<>(ValueReader&)>& value);

 private:
  TypeTable types_;
};

/// A complete stream held in memory, such as a gossip payload.
class StreamReader {
 public:
  explicit StreamReader(ByteView stream) : rest_(stream) {}

  /// Nothing but type descriptions can follow a true answer. Errors surface in `next`.
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  /// Octets not read yet.
  [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }
  /// Reads the next value. Errors: Errc::malformed; Errc::closed when the stream ended before one.
  [[nodiscard]] Result<> next(const std::function<Result<>(ValueReader&)>& value);

 private:
  ByteView rest_;
  Decoder decoder_;
};

}  // namespace weft::gob
