#include <fstream>

#include "libs/settings/load_state.hpp"

namespace swarm::settings {
namespace {

constexpr std::size_t kSecretBytesMax = 64 * 1024;

/// Returns what is wrong. The newline that editors and `kubectl create secret` leave is not part of a secret.
std::string read_secret_file(const std::string& path, std::string& out) {
  std::ifstream in(path, std::ios::binary);
  std::string content(kSecretBytesMax + 1, '\0');
  if (in) in.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!in.is_open() || in.bad()) return "names a file that can't be read: " + path;
  content.resize(static_cast<std::size_t>(in.gcount()));
  if (content.size() > kSecretBytesMax) return "names a file that is too large for a secret: " + path;
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  if (content.empty()) return "names a file that is empty: " + path;
  out = std::move(content);
  return "";
}

}  // namespace

Object& Object::secret(std::string_view key, Secret& out, std::string_view help) {
  state_->document(key, "secret", "", help);
  if (state_->is_describing()) return *this;
  const std::string name(key);
  const auto value = state_->given(name);
  const auto file = state_->given(name + "_file");
  const auto variable = state_->given(name + "_env");

  int rank = -1;
  for (const auto* given : {&value, &file, &variable}) {
    if (*given) rank = std::max(rank, (*given)->rank);
  }
  const auto counts = [rank](const std::optional<Given>& given) { return given && given->rank == rank; };
  if (counts(value) + counts(file) + counts(variable) > 1) {
    const auto& at = counts(value) ? value : file;
    state_->report(key, *at, "give one of " + name + ", " + name + "_file and " + name + "_env");
  } else if (counts(value)) {
    out = Secret(value->text);
  } else if (counts(file)) {
    std::string content;
    state_->load->files.push_back(file->text);
    const std::string wrong = read_secret_file(file->text, content);
    if (!wrong.empty()) state_->report(name + "_file", *file, wrong);
    else out = Secret(std::move(content));
  } else if (counts(variable)) {
    const auto it = state_->load->environment.find(variable->text);
    if (it == state_->load->environment.end() || it->second.empty()) {
      state_->report(name + "_env", *variable, "names an environment variable that is not set: " + variable->text);
    } else {
      out = Secret(it->second);
    }
  }
  return *this;
}

}  // namespace swarm::settings
