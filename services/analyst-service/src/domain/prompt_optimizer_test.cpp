#include "domain/prompt_optimizer.hpp"

#include <catch2/catch.hpp>

using swarm::analyst::domain::optimize_prompt;

TEST_CASE("white space that says nothing goes, indentation stays", "[prompt]") {
  const auto [prompt, wanted] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"  a  b   c ", "a b c"},
      {"x\n    if  a:\n\t  b", "x\n    if a:\n\t  b"},
      {"a\n\n\n\nb", "a\n\nb"},
      {"a\n\nb\nc", "a\n\nb\nc"},
      {"a\t  b", "a\t b"},
      {"\xc2\xa0\xe2\x80\x83 a\xc2\x85\x1c\x1f", "a"},
      {"a\xc2\xa0\xc2\xa0" "b", "a\xc2\xa0\xc2\xa0" "b"},
      {"\n\n  a", "a"},
      {"\xe4\xb8\xad  \xe6\x96\x87\xe3\x80\x80", "\xe4\xb8\xad \xe6\x96\x87"},
      {"a\xff  b\xe2\x80", "a\xff b\xe2\x80"},
  }));
  CHECK(optimize_prompt(prompt) == wanted);
}

TEST_CASE("optimising twice changes nothing more", "[prompt]") {
  for (const char* prompt : {"  a   b\n\n\n\n c  d ", "a\n \n\n\n\nb", "\t x  y\n\t\tz  "}) {
    const auto once = optimize_prompt(prompt);
    CHECK(optimize_prompt(once) == once);
  }
}
