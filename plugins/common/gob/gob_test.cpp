/// Gob against the octets of Weave Net, in both directions, and against hostile streams.

#include <gtest/gtest.h>

#include "interop/vectors.hpp"

#include "common/gob/decoder.hpp"
#include "common/gob/encoder.hpp"

namespace weft::gob {
namespace {

using testing::from_hex;
using testing::golden;
using testing::to_hex;

Bytes primitive(const char* name) {
  return golden("gob-primitives.txt", name);
}

TEST(GobEncoder, WritesTopLevelValuesAsGoDoes) {
  StreamWriter text;
  text.put_string("topology");
  EXPECT_EQ(text.take(), primitive("gob-string"));

  StreamWriter name;
  name.put_uint(0x020000000001);
  EXPECT_EQ(name.take(), primitive("gob-peername"));

  StreamWriter zero;
  zero.put_uint(0);
  EXPECT_EQ(zero.take(), primitive("gob-peername-zero"));

  StreamWriter empty;
  empty.put_bytes({});
  EXPECT_EQ(empty.take(), primitive("gob-bytes-empty"));

  StreamWriter boundary;
  boundary.put_uint(127);
  boundary.put_uint(128);
  EXPECT_EQ(boundary.take(), primitive("gob-uint-127-128"));

  StreamWriter negative;
  negative.put_value(TypeId::integer, [](Bytes& to) { append_int(to, -129); });
  EXPECT_EQ(negative.take(), primitive("gob-int-neg"));
}

TEST(GobDecoder, ReadsTopLevelValuesOfGo) {
  const Bytes text = primitive("gob-string");
  std::string got;
  ASSERT_TRUE(StreamReader(text).next([&](ValueReader& value) -> Result<> {
    WEFT_TRY(got, value.as_string());
    return {};
  }));
  EXPECT_EQ(got, "topology");

  const Bytes number = primitive("gob-int-neg");
  std::int64_t negative = 0;
  ASSERT_TRUE(StreamReader(number).next([&](ValueReader& value) -> Result<> {
    WEFT_TRY(negative, value.as_int());
    return {};
  }));
  EXPECT_EQ(negative, -129);
}

TEST(GobInteger, RoundTripsEveryWidth) {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{0xFFFF},
        std::uint64_t{0x10000}, std::uint64_t{1} << 63U, UINT64_MAX}) {
    Bytes octets;
    append_uint(octets, value);
    EXPECT_EQ(Cursor(octets).read_uint(), value);
  }
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    Bytes octets;
    append_int(octets, value);
    EXPECT_EQ(Cursor(octets).read_int(), value);
  }
}

TEST(GobInteger, AcceptsLongFormsAndRefusesNine) {
  EXPECT_EQ(Cursor(from_hex("fe0001")).read_uint(), 1u);
  EXPECT_FALSE(Cursor(from_hex("f7000000000000000001")).read_uint());
  EXPECT_FALSE(Cursor(from_hex("fe01")).read_uint());
}

/// A structure with one field of every kind, written with our descriptors.
struct Sample {
  static constexpr TypeId self{65}, list{66}, map{67};

  static Bytes encode() {
    StreamWriter stream;
    stream.describe(struct_type(self, "sample",
                                {{"Count", TypeId::unsigned_integer},
                                 {"Extra", TypeId::string},
                                 {"List", list},
                                 {"Map", map}}));
    stream.describe(slice_type(list, "", TypeId::unsigned_integer));
    stream.describe(map_type(map, "", TypeId::string, TypeId::boolean));
    stream.put_struct(self, [](StructWriter& fields) {
      fields.put_uint(0, 7);
      fields.put_string(1, "skipped");
      Bytes& body = fields.begin(2);
      append_uint(body, 2);
      append_uint(body, 1);
      append_uint(body, 300);
      append_uint(fields.begin(3), 1);
      append_counted(body, as_bytes("yes"));
      append_uint(body, 1);
    });
    return stream.take();
  }
};

Result<std::string> describe_sample(ByteView stream) {
  std::string text;
  WEFT_TRY(StreamReader(stream).next([&](ValueReader& value) {
    return value.as_struct([&](std::string_view name, ValueReader& field) -> Result<> {
      if (name == "Count") {
        std::uint64_t count = 0;
        WEFT_TRY(count, field.as_uint(1000));
        text += std::to_string(count) + ";";
      } else if (name == "List") {
        return field.as_list([&](ValueReader& element) -> Result<> {
          std::uint64_t number = 0;
          WEFT_TRY(number, element.as_uint());
          text += std::to_string(number) + ",";
          return {};
        });
      } else if (name == "Map") {
        return field.as_map([&](ValueReader& key, ValueReader& present) -> Result<> {
          std::string_view word;
          WEFT_TRY(word, key.as_string());
          bool is_present = false;
          WEFT_TRY(is_present, present.as_bool());
          text += std::string(word) + (is_present ? "+" : "-");
          return {};
        });
      }
      return {};
    });
  }));
  return text;
}

TEST(GobDecoder, MatchesFieldsByNameAndSkipsOthers) {
  EXPECT_EQ(describe_sample(Sample::encode()), "7;1,300,yes+");
}

TEST(GobDecoder, SurvivesEveryTruncationAndEveryFlippedOctet) {
  const Bytes good = Sample::encode();
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(describe_sample(ByteView(good).first(length)));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned flip = 1; flip < 256; ++flip) {
      Bytes bad = good;
      bad[at] ^= static_cast<std::byte>(flip);
      static_cast<void>(describe_sample(bad));  // any answer, no crash
    }
  }
}

TEST(GobDecoder, RefusesUnknownTypesBadIdsAndTypesDescribedTwice) {
  EXPECT_FALSE(describe_sample(from_hex("03ff820000")));  // type 65 never described
  StreamWriter twice;
  twice.describe(slice_type(TypeId{65}, "", TypeId::string));
  twice.describe(slice_type(TypeId{65}, "", TypeId::string));
  twice.put_uint(1);
  EXPECT_FALSE(StreamReader(twice.take()).next([](ValueReader& value) { return value.skip(); }));
  StreamWriter low;
  low.describe(slice_type(TypeId{63}, "", TypeId::string));
  low.put_uint(1);
  EXPECT_FALSE(StreamReader(low.take()).next([](ValueReader& value) { return value.skip(); }));
}

TEST(GobDecoder, RefusesATypeThatContainsItselfForever) {
  StreamWriter stream;
  stream.describe(slice_type(TypeId{65}, "", TypeId{65}));
  stream.put_value(TypeId{65}, [](Bytes& body) { body.resize(body.size() + 100, std::byte{1}); });
  EXPECT_FALSE(StreamReader(stream.take()).next([](ValueReader& value) { return value.skip(); }));
}

TEST(GobDecoder, RefusesMoreElementsThanOctets) {
  StreamWriter stream;
  stream.describe(slice_type(TypeId{65}, "", TypeId::unsigned_integer));
  stream.put_value(TypeId{65}, [](Bytes& body) { append_uint(body, UINT64_MAX); });
  EXPECT_FALSE(StreamReader(stream.take()).next([](ValueReader& value) { return value.skip(); }));
}

TEST(GobMessage, WaitsForMoreOctetsAndRespectsTheLimit) {
  EXPECT_FALSE(split_message(from_hex(""))->has_value());
  EXPECT_FALSE(split_message(from_hex("fe01"))->has_value());
  EXPECT_FALSE(split_message(from_hex("0201"))->has_value());
  EXPECT_EQ((*split_message(from_hex("02010203")))->consumed, 3u);
  EXPECT_FALSE(split_message(from_hex("0a"), 9));
  EXPECT_FALSE(split_message(from_hex("f7ffffffffffffffffff")));
}

}  // namespace
}  // namespace weft::gob
