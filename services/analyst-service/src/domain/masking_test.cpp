#include "domain/masking.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

#include "domain/kind_words.hpp"

using namespace swarm::analyst::domain;

namespace {

std::string mask(std::string_view line) {
  Masker masker;
  masker.append(line);
  return std::string(masker.text());
}

}  // namespace

TEST_CASE("values go, kind words stay", "[masking]") {
  const auto [line, masked] = GENERATE(table<std::string, std::string>({
      {"AttributeError: 'NoneType' object has no attribute 'order_total'", "AttributeError: 'NoneType' object has no attribute <*>"},
      {"json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", "JSONDecodeError: Expecting value: line <n> column <n> (char <n>)"},
      {"TypeError: load_order() got an unexpected keyword argument 'limit'", "TypeError: <*>() got an unexpected keyword argument <*>"},
      {"TypeError: unsupported operand type(s) for +: 'int' and 'str'", "TypeError: unsupported operand type(s) for +: 'int' and 'str'"},
      {"ValueError: invalid literal for int() with base 10: 'x-9'", "ValueError: invalid literal for int() with base <n>: <*>"},
      {"TypeError: order.open_total is not a function", "TypeError: <*> is not a function"},
      {"called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }", "called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }"},
      {"error[E0382]: borrow of moved value: `order_total`", "error[E0382]: borrow of moved value: <*>"},
      {"Error: request 1007 for order-7 failed with status 503", "Error: request <n> for <*> failed with status 503"},
      {"FileNotFoundError: [Errno 2] No such file or directory: 'data/x_1.csv'", "FileNotFoundError: [Errno 2] No such file or directory: <*>"},
      {"connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED <n>"},
      {"TypeError: can't compare offset-naive and offset-aware datetimes", "TypeError: can't compare offset-naive and offset-aware datetimes"},
      {"cannot fetch https://example.org/a?b=1 after 3 tries", "cannot fetch <*> after <n> tries"},
      {"missing arguments: 'a', 'b', and 'c'", "missing arguments: <*>"},
      {"Error: Cannot find module './order_store'", "Error: Cannot find module relative <*>"},
      {"Error: Cannot find module 'order_store-lib'", "Error: Cannot find module <*>"},
      {"Module not found: Error: Can't resolve '../a/b' in '/srv/app'", "Module not found: Error: Can't resolve relative <*> in <*>"},
      {"Failed to resolve import \"./a.js\" from \"src/b.js\"", "Failed to resolve import relative <*> from <*>"},
      {"No such file or directory: './order_store'", "No such file or directory: <*>"},
      {"TS2304: Cannot find name 'ordr'. Did you mean 'order'?", "TS2304: Cannot find name <*>"},
      {"cannot use total (variable of type int) as Order value in argument to check", "cannot use <*> (variable of type int) as <*> value in argument to <*>"},
      {"check redeclared in this block", "<*> redeclared in this block"},
      {"error: variable total is already defined in method check()", "error: variable <*> is already defined in method <*>()"},
      {"error: non-static method cannot be referenced", "error: non-static method cannot be referenced"},
      {"TypeError: Cannot read properties of undefined (reading 'map')", "TypeError: Cannot read properties of undefined (reading <*>)"},
      {"TypeError: Object of type Order is not JSON serializable", "TypeError: Object of type <*> is not JSON serializable"},
      {"invalid operation: total + rate (mismatched types int and float64)", "invalid operation: <*> + <*> (mismatched types int and float64)"},
      {"non-numeric argument to binary operator", "non-numeric argument to binary operator"},
      {"undefined method `check' for nil", "undefined method <*> for nil"},
      {"fatal: bad object 7d1b2f3e", "fatal: bad object <*>"},
      {"AssertionError: expected { total: 3, open: 1 } to deeply equal { total: 4 }", "AssertionError: expected {<*>} to deeply equal {<*>}"},
      {"assert {'total': 3, 'open': 1} == {'total': 3}", "assert {<*>} == {<*>}"},
      {"expect(received).resolves.toBeNull()", "expect(received).resolves.toBeNull()"},
      {"Could not find com.acme:kit-tools:1.2.3", "Could not find <*>:<*>:<n>"},
      {"error: \xe2\x80\x98total\xe2\x80\x99 undeclared (first use in this function)", "error: <*> undeclared (first use in this function)"},
  }));
  CHECK(mask(line) == masked);
}

TEST_CASE("masking a masked text changes nothing", "[masking]") {
  // Random lines from the pieces that decide anything, so that every branch meets every other one.
  const std::string pieces[] = {"'", "\"", "`", " ", "(", ")", "{", "}", "[", "]", "<", ">", ", ", " and ", ":", "::", ".", "/", "\\", "-", "+", "@", "_",
                                "a", "Error", "TypeError", "order_total", "OrderCard", "E0382", "42", "0x7f3a", "http://x.y/z", "None", "undefined",
                                "...", "b'", "don't", "<*>", "<n>", "\xe2\x80\x98", "\xe2\x80\x99", "src/a.py", "file.txt", "a-b", "x1-y2", "Did you mean", "~/", "$HOME", "|", "module ", "import", "'./a'", "`../a`", "variable ", "in call to ", "use ",
                                " redeclared in this block", " == ", "reading ", "type ", "Order", "undefined: ", "{'a': 1}", "{ a: 1 }", "total", "7d1b2f3e", "expect(x)."};
  std::mt19937_64 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string line;
    for (std::uint64_t i = random() % 14; i > 0; --i) line += pieces[random() % std::size(pieces)];
    const auto once = mask(line);
    INFO("line: " << line);
    REQUIRE(mask(once) == once);
  }
}

TEST_CASE("names of the user's code are subjects, numbers and free text are not", "[masking]") {
  const auto subjects = [](std::string_view line) {
    Masker masker;
    masker.append(line);
    return std::pair(masker.subjects(), masker.subject_count());
  };
  CHECK(subjects("KeyError: 'order_total'") != subjects("KeyError: 'order_owner'"));
  CHECK(subjects("index 3 of 7").second == 0);
  CHECK(subjects("Error: 'some free text'").second == 0);
  CHECK(subjects("open '/tmp/run-1/src/a.py'") == subjects("open '/srv/x/run-22/src/a.py'"));
}

TEST_CASE("giant lines cost bounded space", "[masking]") {
  Masker masker;
  masker.append(std::string(10'000'000, 'x'));
  CHECK(masker.text().size() <= Masker::kTextMax + 16);
  masker.clear();
  masker.append(std::string(5000, '\0') + "\"");
  CHECK(masker.text().size() <= Masker::kTextMax + 16);
}

TEST_CASE("words of the languages are known, others are not", "[masking]") {
  CHECK(is_kind_word("NoneType"));
  CHECK(is_kind_word("dangerouslySetInnerHTML"));
  CHECK_FALSE(is_kind_word("order"));
  CHECK_FALSE(is_kind_word(""));
  CHECK_FALSE(is_kind_word("None NoneType"));
}
