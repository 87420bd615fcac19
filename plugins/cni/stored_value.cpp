/// Reads the value and saves its changes.

#include "stored_value.hpp"

#include <chrono>
#include <utility>

namespace weft::cni {
namespace {

using namespace std::chrono_literals;

constexpr Duration load_retry = 5s;

}  // namespace

void StoredValue::start(Store& store, Loaded loaded, Encode encode) {
  store_ = &store;
  loaded_ = std::move(loaded);
  encode_ = std::move(encode);
  load();
}

void StoredValue::stop() noexcept {
  load_timer_.cancel();
  store_ = nullptr;
  unsaved_.clear();
}

void StoredValue::load() {
  store_->get(key_, {loop_, [this](Result<std::optional<Bytes>> value) {
                       if (store_ != nullptr) {
                         arrived(std::move(value));
                       }
                     }});
}

void StoredValue::arrived(Result<std::optional<Bytes>> value) {
  if (!value) {
    log_.warn("the store cannot be read; trying again", "key", key_, "error", value.error());
    load_timer_ = loop_.after(load_retry, [this] { load(); });
    return;
  }
  is_loaded_ = true;
  loaded_(*std::move(value));
  save();
}

void StoredValue::changed() {
  is_changed_ = true;
  save();
}

void StoredValue::settle(Reply<> reply) {
  unsaved_.push_back(std::move(reply));
  save();
}

void StoredValue::save() {
  if (!is_loaded_ || is_saving_ || store_ == nullptr || (!is_changed_ && unsaved_.empty())) {
    return;
  }
  if (!std::exchange(is_changed_, false)) {
    for (Reply<>& reply : std::exchange(unsaved_, {})) {
      reply({});
    }
    return;
  }
  is_saving_ = true;
  store_->put({{key_, encode_()}},
              {loop_, [this, replies = std::exchange(unsaved_, {})](const Result<>& saved) mutable {
                 is_saving_ = false;
                 is_changed_ = is_changed_ || !saved;
                 for (Reply<>& reply : replies) {
                   reply(saved);
                 }
                 if (saved || !unsaved_.empty()) {
                   save();
                 }
               }});
}

}  // namespace weft::cni
