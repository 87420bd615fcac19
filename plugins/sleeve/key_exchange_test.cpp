/// Two exchanges face to face over a wire that loses, repeats and delays what the test wants.
#include "key_exchange.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "key_test_support.hpp"

namespace weft::sleeve {
namespace {

using namespace std::chrono_literals;
using testing::counting_random;
using testing::key_vector;

struct Message {
  std::uint8_t subtag;
  Bytes body;
};

/// One side: its exchange, and what it would seal and accept with.
struct Side {
  Side(bool is_dialler, CipherSet ciphers)
      : exchange({.is_dialler = is_dialler,
                  .ciphers = ciphers,
                  .context = testing::golden_context,
                  .session_key = testing::golden_key(),
                  .random = counting_random(is_dialler ? 0x40 : 0x60)}) {}

  void carry_out(const Actions& actions) {
    for (const Action& action : actions) {
      if (const auto* const send = std::get_if<action::SendControl>(&action)) {
        sent.push_back({static_cast<std::uint8_t>(send->tag), send->body});
      } else if (const auto* const accept = std::get_if<action::AcceptKey>(&action)) {
        accepted = {accept->generation, accepted.front()};
        keys[accept->generation].first = accept->key;
      } else if (const auto* const seal = std::get_if<action::SealWithKey>(&action)) {
        sending = seal->generation;
        keys[seal->generation].second = seal->key;
      } else if (std::holds_alternative<action::ForgetOldKeys>(action)) {
        accepted.resize(1);
      } else if (const auto* const failure = std::get_if<action::Fail>(&action)) {
        failures.push_back(failure->error);
      }
    }
  }

  KeyExchange exchange;
  std::deque<Message> sent;
  std::uint32_t sending = 0;
  std::vector<std::uint32_t> accepted{0};                   // newest first, at most two
  std::map<std::uint32_t, std::pair<Secret, Secret>> keys;  // by generation: accepts, seals
  std::vector<Error> failures;
};

class KeyExchangeTest : public ::testing::Test {
 protected:
  static inline const CipherSet fast = CipherSet().with(Cipher::aes_256_gcm);

  /// Hands one message over; false when it was refused.
  bool deliver(const Message& message, Side& to) {
    auto actions = to.exchange.on_control(message.subtag, message.body, now);
    if (!actions) {
      return false;
    }
    to.carry_out(*actions);
    return true;
  }
  bool deliver_next(Side& from, Side& to) {
    const Message message = from.sent.front();
    from.sent.pop_front();
    return deliver(message, to);
  }
  /// Until nothing is under way.
  void settle() {
    while (!dialler.sent.empty() || !acceptor.sent.empty()) {
      while (!dialler.sent.empty()) {
        ASSERT_TRUE(deliver_next(dialler, acceptor));
      }
      while (!acceptor.sent.empty()) {
        ASSERT_TRUE(deliver_next(acceptor, dialler));
      }
      expect_no_loss();
    }
  }
  /// Whatever one side seals now, the other accepts, with the same key.
  void expect_no_loss() const {
    const auto check = [](const Side& from, const Side& to) {
      ASSERT_TRUE(std::ranges::find(to.accepted, from.sending) != to.accepted.end())
          << from.sending;
      if (from.sending != 0) {
        EXPECT_EQ(from.keys.at(from.sending).second.octets, to.keys.at(from.sending).first.octets);
      }
    };
    check(dialler, acceptor);
    check(acceptor, dialler);
  }
  /// Moves time on in steps of a second; messages go through `carry` after each.
  template <class Carry>
  void run(Duration by, Carry carry) {
    for (const TimePoint end = now + by; now < end;) {
      now += 1s;
      for (Side* const side : {&dialler, &acceptor}) {
        if (const auto due = side->exchange.next_deadline(); due && *due <= now) {
          side->carry_out(side->exchange.on_timer(now));
        }
      }
      carry();
    }
  }
  void run(Duration by) {
    run(by, [this] { settle(); });
  }
  void begin() {
    dialler.carry_out(dialler.exchange.begin(now));
    acceptor.carry_out(acceptor.exchange.begin(now));
  }

  TimePoint now{1h};
  Side dialler{true, fast};
  Side acceptor{false, fast};
};

TEST_F(KeyExchangeTest, SaysWhatIsDocumented) {
  begin();
  ASSERT_EQ(dialler.sent.size(), 1U);
  EXPECT_EQ(dialler.sent[0].subtag, 4);
  EXPECT_EQ(dialler.sent[0].body, key_vector("generation-1-offer"));
  EXPECT_TRUE(acceptor.sent.empty());

  ASSERT_TRUE(deliver_next(dialler, acceptor));
  ASSERT_EQ(acceptor.sent.size(), 1U);
  EXPECT_EQ(acceptor.sent[0].subtag, 5);
  EXPECT_EQ(acceptor.sent[0].body, key_vector("generation-1-answer"));

  ASSERT_TRUE(deliver_next(acceptor, dialler));
  ASSERT_EQ(dialler.sent.size(), 1U);
  EXPECT_EQ(dialler.sent[0].subtag, 6);
  EXPECT_EQ(dialler.sent[0].body, key_vector("generation-1-in-use"));
}

TEST_F(KeyExchangeTest, LetsEachSideAcceptBeforeTheOtherSends) {
  begin();
  expect_no_loss();
  ASSERT_TRUE(deliver_next(dialler, acceptor));
  EXPECT_EQ(acceptor.accepted, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(acceptor.sending, 0U);
  expect_no_loss();
  ASSERT_TRUE(deliver_next(acceptor, dialler));
  EXPECT_EQ(dialler.sending, 1U);
  EXPECT_EQ(dialler.accepted, (std::vector<std::uint32_t>{1, 0}));
  expect_no_loss();
  ASSERT_TRUE(deliver_next(dialler, acceptor));
  EXPECT_EQ(acceptor.sending, 1U);
  expect_no_loss();
}

TEST_F(KeyExchangeTest, UsesAesOnlyWhereBothHaveIt) {
  acceptor = Side(false, CipherSet());
  begin();
  settle();

  EXPECT_EQ(dialler.exchange.cipher(), Cipher::chacha20_poly1305);
  EXPECT_EQ(acceptor.exchange.cipher(), Cipher::chacha20_poly1305);
}

TEST_F(KeyExchangeTest, GoesOnToFreshKeysEveryTwoMinutes) {
  begin();
  settle();

  run(1h);

  EXPECT_EQ(dialler.sending, 31U);
  EXPECT_EQ(acceptor.sending, 31U);
  EXPECT_TRUE(dialler.failures.empty());
  EXPECT_TRUE(acceptor.failures.empty());
  EXPECT_EQ(dialler.exchange.cipher(), Cipher::aes_256_gcm);
  EXPECT_NE(dialler.keys.at(29).second.octets, dialler.keys.at(30).second.octets);
}

TEST_F(KeyExchangeTest, ForgetsTheGenerationBeforeAfterAMinute) {
  begin();
  settle();
  run(59s);
  EXPECT_EQ(dialler.accepted, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(acceptor.accepted, (std::vector<std::uint32_t>{1, 0}));

  run(1s);

  EXPECT_EQ(dialler.accepted, std::vector<std::uint32_t>{1});
  EXPECT_EQ(acceptor.accepted, std::vector<std::uint32_t>{1});
}

TEST_F(KeyExchangeTest, RepeatsWhatWasLost) {
  const auto lose = [this](Side& side) {
    side.sent.clear();
    run(rekey_timeout, [this] { expect_no_loss(); });
  };
  begin();
  lose(dialler);
  ASSERT_TRUE(deliver_next(dialler, acceptor));
  lose(acceptor);
  ASSERT_TRUE(deliver_next(acceptor, dialler));
  EXPECT_EQ(dialler.sending, 1U);
  lose(dialler);
  EXPECT_EQ(acceptor.sending, 0U);
  ASSERT_TRUE(deliver_next(acceptor, dialler));
  ASSERT_TRUE(deliver_next(dialler, acceptor));

  EXPECT_EQ(acceptor.sending, 1U);
  expect_no_loss();
}

TEST_F(KeyExchangeTest, SurvivesAWireThatLosesRepeatsAndDelays) {
  begin();
  std::uint64_t chance = 1;
  const auto draw = [&chance](std::uint64_t below) {
    chance = chance * 6364136223846793005U + 1442695040888963407U;
    return (chance >> 33U) % below;
  };
  const auto carry = [&] {
    for (Side* const from : {&dialler, &acceptor}) {
      Side& to = from == &dialler ? acceptor : dialler;
      while (!from->sent.empty() && draw(4) != 0) {  // or it waits another second
        const Message message = from->sent.front();
        from->sent.pop_front();
        const auto copies = draw(3);
        for (std::uint64_t copy = 0; copy < copies; ++copy) {
          (void)deliver(message, to);
        }
      }
    }
    expect_no_loss();
  };

  run(6h, carry);

  EXPECT_TRUE(dialler.failures.empty());
  EXPECT_TRUE(acceptor.failures.empty());
  EXPECT_GT(dialler.sending, 150U);
  EXPECT_LE(dialler.sending - acceptor.sending, 1U);
}

TEST_F(KeyExchangeTest, StaysInGenerationZeroWithAPeerThatDoesNotAnswer) {
  begin();
  unsigned offers = 0;
  run(1h, [&] {
    offers += static_cast<unsigned>(dialler.sent.size());
    dialler.sent.clear();
  });

  EXPECT_EQ(offers, first_offers);
  EXPECT_EQ(dialler.sending, 0U);
  EXPECT_TRUE(dialler.failures.empty());
  EXPECT_EQ(dialler.exchange.next_deadline(), std::nullopt);
  EXPECT_EQ(acceptor.exchange.next_deadline(), std::nullopt);
}

TEST_F(KeyExchangeTest, FailsBothSidesThreeMinutesAfterTheLastKeys) {
  begin();
  settle();
  const auto lose = [this] {
    dialler.sent.clear();
    acceptor.sent.clear();
  };
  run(179s, lose);
  EXPECT_TRUE(dialler.failures.empty());
  EXPECT_TRUE(acceptor.failures.empty());
  expect_no_loss();

  run(1s, lose);

  ASSERT_EQ(dialler.failures.size(), 1U);
  ASSERT_EQ(acceptor.failures.size(), 1U);
  EXPECT_EQ(dialler.failures[0].code, make_error_code(Errc::timeout));
  EXPECT_NE(dialler.failures[0].message().find("fresh keys within 180 s"), std::string::npos);
}

TEST_F(KeyExchangeTest, FailsTheAcceptorWhoseFirstAnswerIsNeverConfirmed) {
  begin();
  ASSERT_TRUE(deliver_next(dialler, acceptor));
  run(59s, [this] { acceptor.sent.clear(); });
  EXPECT_TRUE(acceptor.failures.empty());

  run(1s, [this] { acceptor.sent.clear(); });

  EXPECT_EQ(acceptor.failures.size(), 1U);
}

TEST_F(KeyExchangeTest, TakesTheNextOfferForALostConfirmation) {
  begin();
  ASSERT_TRUE(deliver_next(dialler, acceptor));
  ASSERT_TRUE(deliver_next(acceptor, dialler));
  dialler.sent.clear();
  now += rekey_after_time;
  dialler.carry_out(dialler.exchange.on_timer(now));

  ASSERT_TRUE(deliver_next(dialler, acceptor));

  EXPECT_EQ(acceptor.sending, 1U);
  EXPECT_EQ(acceptor.accepted, (std::vector<std::uint32_t>{2, 1}));
  expect_no_loss();
}

TEST_F(KeyExchangeTest, RefusesWhatIsNotDue) {
  const auto message = [](const std::string& name, std::uint8_t subtag) {
    return Message{subtag, key_vector(name)};
  };
  begin();
  EXPECT_FALSE(deliver(message("generation-1-offer", 4), dialler)) << "it offers itself";
  EXPECT_FALSE(deliver(message("generation-2-answer", 5), dialler));
  EXPECT_FALSE(deliver(message("generation-1-answer", 5), acceptor));
  EXPECT_FALSE(deliver(message("generation-1-in-use", 6), acceptor));
  EXPECT_FALSE(deliver(message("generation-1-in-use", 6), dialler));
  EXPECT_FALSE(deliver(message("generation-2-offer", 4), acceptor));
  EXPECT_FALSE(deliver({4, Bytes(37)}, acceptor));
  Message without_secret = message("generation-1-offer", 4);
  std::fill(without_secret.body.begin() + 5, without_secret.body.end(), std::byte{0});
  EXPECT_FALSE(deliver(without_secret, acceptor));

  settle();

  EXPECT_EQ(dialler.sending, 1U);
  EXPECT_EQ(acceptor.sending, 1U);
}

TEST_F(KeyExchangeTest, TakesNoCipherThatItDidNotOffer) {
  dialler = Side(true, CipherSet());
  begin();

  EXPECT_FALSE(deliver({5, key_vector("generation-1-answer")}, dialler));
}

}  // namespace
}  // namespace weft::sleeve
