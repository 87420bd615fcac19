/// Decodes gob values by the descriptors in their stream. Every length and type is foreign.

#include "common/gob/decoder.hpp"

#include <fmt/core.h>

namespace weft::gob {
namespace {

constexpr unsigned max_depth = 32;       // the deepest type of Weave Net nests seven levels
constexpr std::size_t max_types = 256;   // per stream; Weave Net needs twelve
constexpr std::size_t max_fields = 256;  // per structure; Weave Net needs six

/// Calls `field` with the number (from 1) of each field present, until the closing zero.
template <class F>
Result<> read_fields(Cursor& cursor, F field) {
  std::uint64_t number = 0;
  while (true) {
    std::uint64_t delta = 0;
    WEFT_TRY(delta, cursor.read_uint());
    if (delta == 0) {
      return {};
    }
    if (delta > max_fields || number + delta > max_fields) {
      return fail(Errc::malformed, "read gob: field number out of range");
    }
    number += delta;
    WEFT_TRY(field(number));
  }
}

Result<> read_type_id(Cursor& cursor, TypeId& id) {
  std::int64_t value = 0;
  WEFT_TRY(value, cursor.read_int());
  id = TypeId{value};
  return {};
}

/// CommonType { Name string; Id int }: both repeat what the descriptor's place already says.
Result<> skip_common(Cursor& cursor) {
  return read_fields(cursor, [&](std::uint64_t number) -> Result<> {
    switch (number) {
      case 1:
        WEFT_TRY(cursor.read_counted());
        return {};
      case 2:
        WEFT_TRY(cursor.read_int());
        return {};
      default:
        return fail(Errc::malformed, "read gob: unknown field in a type's name");
    }
  });
}

Result<> read_struct_field(Cursor& cursor, WireType::Field& field) {
  return read_fields(cursor, [&](std::uint64_t number) -> Result<> {
    switch (number) {
      case 1: {
        ByteView name;
        WEFT_TRY(name, cursor.read_counted());
        field.name = as_text(name);
        return {};
      }
      case 2:
        return read_type_id(cursor, field.type);
      default:
        return fail(Errc::malformed, "read gob: unknown field in a field's description");
    }
  });
}

Result<> read_struct_fields(Cursor& cursor, std::vector<WireType::Field>& fields) {
  std::uint64_t count = 0;
  WEFT_TRY(count, cursor.read_uint());
  if (count > max_fields) {
    return fail(Errc::malformed, "read gob: a structure has too many fields");
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    WEFT_TRY(read_struct_field(cursor, fields.emplace_back()));
  }
  return {};
}

/// The body of an ArrayT, SliceT, StructT or MapT.
Result<> read_described(Cursor& cursor, WireType& type) {
  return read_fields(cursor, [&](std::uint64_t number) -> Result<> {
    if (number == 1) {
      return skip_common(cursor);
    }
    if (type.kind == WireType::Kind::structure && number == 2) {
      return read_struct_fields(cursor, type.fields);
    }
    if (type.kind == WireType::Kind::map && number <= 3) {
      return read_type_id(cursor, number == 2 ? type.key : type.element);
    }
    if (type.kind != WireType::Kind::structure && number == 2) {
      return read_type_id(cursor, type.element);
    }
    if (type.kind == WireType::Kind::array && number == 3) {
      WEFT_TRY(cursor.read_int());  // the length repeats in every value
      return {};
    }
    return fail(Errc::malformed, "read gob: unknown field in a type description");
  });
}

Result<WireType> read_wire_type(Cursor& cursor) {
  WireType type;
  WEFT_TRY(read_fields(cursor, [&](std::uint64_t number) -> Result<> {
    if (number > static_cast<std::uint64_t>(WireType::Kind::map) || type.kind != WireType::Kind{}) {
      return fail(Errc::unsupported, "read gob: a type that encodes itself");
    }
    type.kind = static_cast<WireType::Kind>(number);
    return read_described(cursor, type);
  }));
  if (type.kind == WireType::Kind{}) {
    return fail(Errc::malformed, "read gob: an empty type description");
  }
  return type;
}

}  // namespace

ValueReader ValueReader::nested(TypeId type) const {
  return {types_, type, cursor_, depth_ + 1};
}

Result<> ValueReader::expect(TypeId type, const char* what) {
  if (type_ != type) {
    return fail(Errc::malformed, fmt::format("read gob: found type {} in place of {}",
                                             static_cast<std::int64_t>(type_), what));
  }
  is_read_ = true;
  return {};
}

Result<const WireType*> ValueReader::expect(WireType::Kind kind, const char* what) {
  const auto found = types_.find(type_);
  if (found == types_.end() || found->second.kind != kind) {
    return fail(Errc::malformed, fmt::format("read gob: found type {} in place of {}",
                                             static_cast<std::int64_t>(type_), what));
  }
  if (depth_ > max_depth) {
    return fail(Errc::malformed, "read gob: values are nested too deep");
  }
  is_read_ = true;
  return &found->second;
}

/// Every element takes at least one octet, which bounds what a count can make us do.
Result<std::uint64_t> ValueReader::read_count() {
  std::uint64_t count = 0;
  WEFT_TRY(count, cursor_.read_uint());
  if (count > cursor_.remaining()) {
    return fail(Errc::malformed, "read gob: more elements than octets");
  }
  return count;
}

Result<std::uint64_t> ValueReader::count_elements() {
  const auto found = types_.find(type_);
  if (found == types_.end() || found->second.kind != WireType::Kind::slice) {
    return fail(Errc::malformed, fmt::format("read gob: found type {} in place of a list",
                                             static_cast<std::int64_t>(type_)));
  }
  Cursor ahead = cursor_;
  return ahead.read_uint();
}

void ValueReader::discard() noexcept {
  is_read_ = true;
  cursor_ = Cursor({});
}

Result<bool> ValueReader::as_bool() {
  WEFT_TRY(expect(TypeId::boolean, "a boolean"));
  std::uint64_t value = 0;
  WEFT_TRY(value, cursor_.read_uint());
  return value != 0;
}

Result<std::int64_t> ValueReader::as_int() {
  WEFT_TRY(expect(TypeId::integer, "an integer"));
  return cursor_.read_int();
}

Result<std::uint64_t> ValueReader::as_uint(std::uint64_t max) {
  WEFT_TRY(expect(TypeId::unsigned_integer, "an unsigned integer"));
  std::uint64_t value = 0;
  WEFT_TRY(value, cursor_.read_uint());
  if (value > max) {
    return fail(Errc::malformed, fmt::format("read gob: {} is greater than {}", value, max));
  }
  return value;
}

Result<ByteView> ValueReader::as_bytes() {
  WEFT_TRY(expect(TypeId::bytes, "octets"));
  return cursor_.read_counted();
}

Result<std::string_view> ValueReader::as_string() {
  WEFT_TRY(expect(TypeId::string, "a string"));
  ByteView octets;
  WEFT_TRY(octets, cursor_.read_counted());
  return as_text(octets);
}

Result<> ValueReader::as_list(const std::function<Result<>(ValueReader&)>& element) {
  const WireType* type = nullptr;
  WEFT_TRY(type, expect(WireType::Kind::slice, "a list"));
  std::uint64_t count = 0;
  WEFT_TRY(count, read_count());
  for (std::uint64_t i = 0; i < count; ++i) {
    ValueReader value = nested(type->element);
    WEFT_TRY(element(value));
    if (!value.is_read_) {
      WEFT_TRY(value.skip());
    }
  }
  return {};
}

Result<> ValueReader::as_map(const std::function<Result<>(ValueReader&, ValueReader&)>& entry) {
  const WireType* type = nullptr;
  WEFT_TRY(type, expect(WireType::Kind::map, "a map"));
  std::uint64_t count = 0;
  WEFT_TRY(count, read_count());
  for (std::uint64_t i = 0; i < count; ++i) {
    ValueReader key = nested(type->key);
    ValueReader value = nested(type->element);
    WEFT_TRY(entry(key, value));
    WEFT_CHECK(key.is_read_, "a gob map's key is read before its value");
    if (!value.is_read_) {
      WEFT_TRY(value.skip());
    }
  }
  return {};
}

Result<> ValueReader::as_struct(
    const std::function<Result<>(std::string_view, ValueReader&)>& field) {
  const WireType* type = nullptr;
  WEFT_TRY(type, expect(WireType::Kind::structure, "a structure"));
  return read_fields(cursor_, [&](std::uint64_t number) -> Result<> {
    if (number > type->fields.size()) {
      return fail(Errc::malformed, "read gob: a field that its type does not have");
    }
    const WireType::Field& described = type->fields[static_cast<std::size_t>(number - 1)];
    ValueReader value = nested(described.type);
    WEFT_TRY(field(described.name, value));
    if (!value.is_read_) {
      WEFT_TRY(value.skip());
    }
    return {};
  });
}

Result<> ValueReader::skip() {
  if (is_read_) {
    return {};
  }
  switch (type_) {
    case TypeId::boolean:
    case TypeId::integer:
    case TypeId::unsigned_integer:
    case TypeId::floating:
      is_read_ = true;
      WEFT_TRY(cursor_.read_uint());
      return {};
    case TypeId::bytes:
    case TypeId::string:
      is_read_ = true;
      WEFT_TRY(cursor_.read_counted());
      return {};
    default:
      break;
  }
  const auto found = types_.find(type_);
  if (found == types_.end()) {
    return fail(Errc::malformed, fmt::format("read gob: type {} was never described",
                                             static_cast<std::int64_t>(type_)));
  }
  switch (found->second.kind) {
    case WireType::Kind::slice:
      return as_list([](ValueReader& value) { return value.skip(); });
    case WireType::Kind::map:
      return as_map([](ValueReader& key, ValueReader& value) -> Result<> {
        WEFT_TRY(key.skip());
        return value.skip();
      });
    case WireType::Kind::structure:
      return as_struct([](std::string_view, ValueReader& value) { return value.skip(); });
    case WireType::Kind::array:
      break;
  }
  return fail(Errc::unsupported, "read gob: an array");
}

Result<bool> Decoder::decode(ByteView message, const std::function<Result<>(ValueReader&)>& value) {
  Cursor cursor(message);
  std::int64_t id = 0;
  WEFT_TRY(id, cursor.read_int());
  if (id < 0) {
    const TypeId type{id == INT64_MIN ? 0 : -id};
    WireType described;
    WEFT_TRY(described, read_wire_type(cursor));
    if (type < TypeId::first_user || types_.size() == max_types ||
        !types_.emplace(type, std::move(described)).second) {
      return fail(Errc::malformed, "read gob: a type described twice, or too many of them");
    }
    return cursor.at_end() ? Result<bool>(false)
                           : fail(Errc::malformed, "read gob: octets after a type description");
  }
  const TypeId type{id};
  const auto found = types_.find(type);
  const bool is_struct = found != types_.end() && found->second.kind == WireType::Kind::structure;
  if (!is_struct) {
    std::uint64_t marker = 0;
    WEFT_TRY(marker, cursor.read_uint());
    if (marker != 0) {
      return fail(Errc::malformed, "read gob: a value that is not a structure starts with zero");
    }
  }
  ValueReader reader(types_, type, cursor);
  WEFT_TRY(value(reader));
  WEFT_TRY(reader.skip());
  return cursor.at_end() ? Result<bool>(true)
                         : fail(Errc::malformed, "read gob: octets after a value");
}

Result<> StreamReader::next(const std::function<Result<>(ValueReader&)>& value) {
  while (!rest_.empty()) {
    std::optional<Message> message;
    WEFT_TRY(message, split_message(rest_));
    if (!message) {
      return fail(Errc::malformed, "read gob: the last message is cut short");
    }
    rest_ = rest_.subspan(message->consumed);
    bool is_value = false;
    WEFT_TRY(is_value, decoder_.decode(message->body, value));
    if (is_value) {
      return {};
    }
  }
  return fail(Errc::closed, "read gob: the stream ended before the next value");
}

}  // namespace weft::gob
