#include "libs/telemetry/trace.hpp"

#include <algorithm>
#include <random>

#include "libs/base/uuid.hpp"

namespace swarm::trace {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kHeaderSize = 55;

thread_local const Context* current_context = nullptr;

/// Ids must be unlikely to meet, not secret: a generator per thread costs nanoseconds.
std::uint64_t random_bits() {
  thread_local std::mt19937_64 generator = [] {
    std::array<unsigned char, 32> seed;
    random_bytes(seed.data(), seed.size());
    std::seed_seq sequence(seed.begin(), seed.end());
    return std::mt19937_64(sequence);
  }();
  return generator();
}

template <std::size_t N>
void fill(std::array<std::uint8_t, N>& out) {
  do {
    for (std::size_t i = 0; i < N; i += 8) {
      std::uint64_t bits = random_bits();
      for (std::size_t j = i; j < std::min(N, i + 8); ++j, bits >>= 8) out[j] = static_cast<std::uint8_t>(bits);
    }
  } while (std::all_of(out.begin(), out.end(), [](std::uint8_t b) { return b == 0; }));
}

template <std::size_t N>
void append_hex(std::string& out, const std::array<std::uint8_t, N>& bytes) {
  std::array<char, 2 * N> text;
  for (std::size_t i = 0; i < N; ++i) {
    text[2 * i] = kHex[bytes[i] >> 4];
    text[2 * i + 1] = kHex[bytes[i] & 0xf];
  }
  out.append(text.data(), text.size());
}

template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) {
  for (std::size_t i = 0; i < N; ++i) {
    const auto high = kHex.find(text[2 * i]);
    const auto low = kHex.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace

bool Context::valid() const {
  const auto set = [](std::uint8_t b) { return b != 0; };
  return std::any_of(trace_id.begin(), trace_id.end(), set) && std::any_of(span_id.begin(), span_id.end(), set);
}

std::string Context::trace_id_text() const {
  std::string out;
  out.reserve(32);
  append_hex(out, trace_id);
  return out;
}

std::string Context::traceparent() const {
  std::string out = "00-";
  out.reserve(kHeaderSize);
  append_hex(out, trace_id);
  out += '-';
  append_hex(out, span_id);
  out += sampled ? "-01" : "-00";
  return out;
}

Context Context::child() const {
  Context out = *this;
  fill(out.span_id);
  return out;
}

Context start() {
  Context out;
  fill(out.trace_id);
  fill(out.span_id);
  out.sampled = true;
  return out;
}

std::optional<Context> parse(std::string_view header) {
  if (header.size() < kHeaderSize || header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  Context out;
  if (!read_hex(header, version) || version[0] == 0xff) return std::nullopt;
  // Version 0 ends here; later ones may go on after another dash (section 3.2.4 of the recommendation).
  if (header.size() > kHeaderSize && (version[0] == 0 || header[kHeaderSize] != '-')) return std::nullopt;
  if (!read_hex(header.substr(3), out.trace_id) || !read_hex(header.substr(36), out.span_id)) return std::nullopt;
  if (!read_hex(header.substr(53), flags) || !out.valid()) return std::nullopt;
  out.sampled = (flags[0] & 1) != 0;
  return out;
}

Context continue_or_start(std::string_view traceparent) {
  const auto parsed = parse(traceparent);
  return parsed ? *parsed : start();
}

Scope::Scope(const Context& context) : context_(context), previous_(current_context) { current_context = &context_; }
Scope::~Scope() { current_context = previous_; }

const Context* current() { return current_context; }

}  // namespace swarm::trace
