/// Writes and reads the record as JSON.

#include "lease_record.hpp"

#include <span>
#include <string_view>

#include <nlohmann/json.hpp>

namespace weft::cni {
namespace {

using Json = nlohmann::json;

constexpr auto malformed = "read the record of pods' addresses: it is damaged";

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<LeaseRecord> record_from(const Json& object) {
  if (!object.is_object()) {
    return fail(Errc::malformed, malformed);
  }
  LeaseRecord record{{text_of(object, "container"), text_of(object, "interface")},
                     text_of(object, "boot"),
                     {},
                     {}};
  if (!is_container_id(record.attachment.container_id)) {
    return fail(Errc::malformed, malformed);
  }
  const auto port = object.find("port");
  record.has_port = port != object.end() && port->is_boolean() && port->get<bool>();
  if (const auto address = net::parse_ip(text_of(object, "address"))) {  // of weft 0.1
    record.addresses.push_back(*address);
  }
  for (const Json& each : object.value("addresses", Json::array())) {
    if (const auto address = net::parse_ip(each.is_string() ? each.get<std::string>() : "")) {
      record.addresses.push_back(*address);
    }
  }
  return record;
}

}  // namespace

Bytes encode(const LeaseRecords& records) {
  Json list = Json::array();
  for (const auto& [owner, record] : records) {
    Json object{{"container", record.attachment.container_id},
                {"interface", record.attachment.interface},
                {"boot", record.boot},
                {"port", record.has_port}};
    for (const net::IpAddress& address : record.addresses) {
      object["addresses"].push_back(to_string(address));
    }
    list.push_back(std::move(object));
  }
  const std::string text = list.dump();
  const auto octets = std::as_bytes(std::span{text});
  return {octets.begin(), octets.end()};
}

Result<LeaseRecords> decode_lease_records(ByteView octets) {
  const std::string_view text(reinterpret_cast<const char*>(octets.data()), octets.size());
  const Json list = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) {
    return fail(Errc::malformed, malformed);
  }
  LeaseRecords records;
  for (const Json& object : list) {
    LeaseRecord record;
    WEFT_TRY(record, record_from(object));
    records.insert_or_assign(address_owner(record.attachment), std::move(record));
  }
  return records;
}

}  // namespace weft::cni
