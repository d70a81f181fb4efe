#include "libs/auth/key_source.hpp"

#include <fstream>
#include <sstream>

namespace swarm::auth {
namespace {

constexpr std::chrono::seconds kLookAgainAfter{1};

}  // namespace

Result<std::unique_ptr<FileKeySource>> FileKeySource::open(std::filesystem::path path, const Clock& clock) {
  std::unique_ptr<FileKeySource> source(new FileKeySource(std::move(path), clock));
  BOOST_OUTCOME_TRY(source->loaded_.with([&](Loaded& loaded) { return source->load(loaded); }));
  return source;
}

Result<void> FileKeySource::load(Loaded& loaded) const {
  std::error_code failed;
  const auto changed = std::filesystem::last_write_time(path_, failed);
  const auto size = failed ? 0 : std::filesystem::file_size(path_, failed);
  if (failed) return Error{Code::NotFound, "can't read the JWKS file " + path_.string() + ": " + failed.message()};
  if (loaded.keys && changed == loaded.changed && size == loaded.size) return outcome::success();
  std::ifstream in(path_, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Error{Code::NotFound, "can't read the JWKS file " + path_.string()};
  auto keys = KeySet::parse(text.view());
  if (!keys) return Error{keys.error().code, path_.string() + ": " + keys.error().message};
  loaded.keys = std::make_shared<const KeySet>(std::move(keys.value()));
  loaded.changed = changed;
  loaded.size = size;
  return outcome::success();
}

std::shared_ptr<const KeySet> FileKeySource::keys() {
  const auto now = clock_.boot_now();
  return loaded_.with([&](Loaded& loaded) {
    if (now - loaded.looked_at >= kLookAgainAfter) {
      loaded.looked_at = now;
      // A fault keeps the last good keys: a half-written file must not lock everybody out.
      const auto done = load(loaded);
      loaded.fault = done ? std::string() : done.error().message;
    }
    return loaded.keys;
  });
}

std::string FileKeySource::fault() const {
  return loaded_.with([](const Loaded& loaded) { return loaded.fault; });
}

}  // namespace swarm::auth
