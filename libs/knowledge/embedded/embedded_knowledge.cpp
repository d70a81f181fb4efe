#include "libs/knowledge/embedded/embedded_knowledge.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "libs/base/check.hpp"
#include "libs/knowledge/vocabulary.hpp"

namespace swarm::knowledge {
namespace {

constexpr std::size_t kDigestBytes = 16;
constexpr std::size_t kSubjectKeyBytesMax = 400;  // LMDB's keys are short; longer subjects sort by their head

/// Objects are texts of agents, so the digest has to be one for which nobody finds two with the same.
std::string digest(std::string_view a, std::string_view b = {}) {
  const std::string joined = std::to_string(a.size()) + ":" + std::string(a) + std::string(b);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  SWARM_CHECK(EVP_Digest(joined.data(), joined.size(), out.data(), &size, EVP_sha256(), nullptr) == 1, "SHA-256 failed");
  return {reinterpret_cast<const char*>(out.data()), kDigestBytes};
}

std::string statement_key(const Statement& s) {
  return digest(s.subject, s.predicate) + digest(s.object_is_text ? "text" : "iri", s.object);
}

std::string predicate_key(const Statement& s, const std::string& statement) {
  return digest(s.predicate) + s.subject.substr(0, kSubjectKeyBytesMax) + '\0' + digest(statement);
}

void put_text(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

bool take_text(std::string_view& in, std::string& text) {
  std::uint32_t size = 0;
  if (in.size() < sizeof size) return false;
  std::memcpy(&size, in.data(), sizeof size);
  in.remove_prefix(sizeof size);
  if (in.size() < size) return false;
  text = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

static_assert(std::endian::native == std::endian::little, "records hold lengths as the machine has them");

std::string encode(const Statement& s) {
  std::string out(1, s.object_is_text ? '\1' : '\0');
  put_text(out, s.subject);
  put_text(out, s.predicate);
  put_text(out, s.object);
  return out;
}

Result<Statement> decode(std::string_view in) {
  Statement s;
  const bool ok = !in.empty();
  if (ok) {
    s.object_is_text = in[0] == '\1';
    in.remove_prefix(1);
  }
  if (!ok || !take_text(in, s.subject) || !take_text(in, s.predicate) || !take_text(in, s.object) || !in.empty()) {
    return Error{Code::DataLoss, "a statement of the knowledge store can't be read; restore the data directory from a backup"};
  }
  return s;
}

}  // namespace

Result<std::unique_ptr<EmbeddedKnowledge>> EmbeddedKnowledge::open(lmdb::Environment& environment) {
  BOOST_OUTCOME_TRY(auto statements, environment.table("knowledge_statements"));
  BOOST_OUTCOME_TRY(auto by_predicate, environment.table("knowledge_by_predicate"));
  return std::unique_ptr<EmbeddedKnowledge>(new EmbeddedKnowledge(environment, statements, by_predicate));
}

Result<void> EmbeddedKnowledge::add(const std::vector<Statement>& statements) {
  BOOST_OUTCOME_TRY(check_statements(statements));
  if (statements.empty()) return outcome::success();
  BOOST_OUTCOME_TRY(auto txn, environment_.write());
  bool changed = false;
  for (const auto& s : statements) {
    const auto key = statement_key(s);
    BOOST_OUTCOME_TRY(const auto known, txn.get(statements_, key));
    if (known) continue;
    BOOST_OUTCOME_TRY(txn.put(statements_, key, encode(s)));
    BOOST_OUTCOME_TRY(txn.put(by_predicate_, predicate_key(s, key), key));
    changed = true;
  }
  return changed ? txn.commit() : outcome::success();
}

Result<std::vector<Statement>> EmbeddedKnowledge::about(std::string_view subject, std::string_view predicate) {
  BOOST_OUTCOME_TRY(check_iri(subject));
  BOOST_OUTCOME_TRY(check_iri(predicate));
  BOOST_OUTCOME_TRY(const auto txn, environment_.read());
  const auto prefix = digest(subject, predicate);
  std::vector<Statement> found;
  Result<void> decoded = outcome::success();
  BOOST_OUTCOME_TRY(txn.scan(statements_, prefix, [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(prefix)) return false;
    auto s = decode(value);
    if (!s) {
      decoded = s.error();
      return false;
    }
    found.push_back(std::move(s.value()));
    return true;
  }));
  BOOST_OUTCOME_TRY(std::move(decoded));
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::vector<Statement>> EmbeddedKnowledge::all(std::string_view predicate, std::size_t limit) {
  BOOST_OUTCOME_TRY(check_iri(predicate));
  BOOST_OUTCOME_TRY(const auto txn, environment_.read());
  const auto prefix = digest(predicate);
  std::vector<std::string> keys;
  BOOST_OUTCOME_TRY(txn.scan(by_predicate_, prefix, [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(prefix) || keys.size() == limit) return false;
    keys.emplace_back(value);
    return true;
  }));
  std::vector<Statement> found;
  for (const auto& key : keys) {
    BOOST_OUTCOME_TRY(const auto record, txn.get(statements_, key));
    BOOST_OUTCOME_TRY(auto s, decode(record.value_or("")));
    found.push_back(std::move(s));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace swarm::knowledge
