#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "libs/async/guarded.hpp"
#include "libs/auth/jwk.hpp"
#include "libs/base/clock.hpp"

namespace swarm::auth {

/// Port: where verification keys come from. Thread-safe.
class KeySource {
 public:
  virtual ~KeySource() = default;
  /// The newest keys that are known to be good. Never null.
  virtual std::shared_ptr<const KeySet> keys() = 0;
  /// A token names a key that is not among them: there may be a newer one by now.
  virtual void key_unknown() {}
  /// Why the newest keys can't be had, in words; empty: nothing is wrong.
  virtual std::string fault() const { return {}; }
};

/// A JWKS file. Looked at once a second at most; read again when its time stamp or size changes, so that a rotated Secret is taken
/// up without a restart. A file that became unreadable or malformed leaves the last good keys in force.
class FileKeySource final : public KeySource {
 public:
  /// Fails when the file can't be read or parsed now.
  static Result<std::unique_ptr<FileKeySource>> open(std::filesystem::path path, const Clock& clock);

  std::shared_ptr<const KeySet> keys() override;
  std::string fault() const override;

 private:
  struct Loaded {
    std::shared_ptr<const KeySet> keys;
    std::string fault;
    std::filesystem::file_time_type changed{};
    std::uintmax_t size = 0;
    BootTime looked_at{};
  };
  FileKeySource(std::filesystem::path path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}
  Result<void> load(Loaded& loaded) const;

  std::filesystem::path path_;
  const Clock& clock_;
  mutable async::Guarded<Loaded> loaded_;
};

}  // namespace swarm::auth
