#include "domain/rule_template.hpp"

#include <algorithm>
#include <array>

#include "domain/rule_check.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

struct Remedy {
  std::string_view sign;  // part of the masked cause
  std::string_view text;
  std::string_view must_not_match = {};  // in an artefact, where a pattern can tell
};

// The first sign that fits decides, so the narrower one stands before the wider one.
constexpr std::array kRemedies = {
    Remedy{"offset-naive and offset-aware", "make every datetime aware: use datetime.now(timezone.utc), and attach a time zone to parsed values before comparing or subtracting them", R"(datetime\.utcnow\()"},
    Remedy{"'NoneType' object", "check for None where the value is produced, and return or raise early instead of using the result unchecked"},
    Remedy{"ModuleNotFoundError", "import only modules that exist in the project or are declared as dependencies; check the path and the declared requirements first"},
    Remedy{"ImportError", "check that the name exists in the module and that the modules don't import each other in a circle"},
    Remedy{"object has no attribute", "use only attributes that the class defines; read its definition before using it"},
    Remedy{"KeyError", "check that the key exists, or use .get() with a default, before reading it"},
    Remedy{"IndexError", "check the length before indexing, and handle the empty case"},
    Remedy{"unexpected keyword argument", "read the function's signature and pass only parameters that it has"},
    Remedy{"missing <n> required positional", "read the function's signature and pass every required argument"},
    Remedy{"unsupported operand type", "convert both sides to one type before the operation"},
    Remedy{"not subscriptable", "make sure that the value is a container before indexing it"},
    Remedy{"to unpack", "match the number of targets to the number of values"},
    Remedy{"JSONDecodeError", "check that the text is not empty and is JSON before parsing it, and handle the parse error"},
    Remedy{"not valid JSON", "check that the text is JSON before parsing it, and handle the parse error"},
    Remedy{"FileNotFoundError", "build paths from the project's root and check that the file exists before opening it"},
    Remedy{"No such file or directory", "build paths from the project's root and check that the file exists before using it"},
    Remedy{"ENOENT", "build paths from the project's root and check that the file exists before using it"},
    Remedy{"RecursionError", "give the recursion a base case that is always reached, or use a loop", R"(sys\.setrecursionlimit\()"},
    Remedy{"Maximum call stack", "give the recursion a base case that is always reached, or use a loop"},
    Remedy{"stack overflow", "give the recursion a base case that is always reached, or use a loop"},
    Remedy{"ZeroDivisionError", "handle a zero divisor before dividing"},
    Remedy{"ivision by zero", "handle a zero divisor before dividing"},
    Remedy{"Missing parentheses in call to", "write for Python 3: print and exec are functions, and their arguments stand in parentheses", R"((?m)^\s*(?:print|exec)\s+["'])"},
    Remedy{"TabError", "indent with spaces only, and run a syntax check before handing in", R"((?m)^(?: +\t|\t+ )\s*\w)"},
    Remedy{"SyntaxError", "check that every bracket, quote and block is closed, and run a syntax check before handing in"},
    Remedy{"IndentationError", "indent each block consistently, and run a syntax check before handing in"},
    Remedy{"DID NOT RAISE", "raise the exception that the test expects for this input"},
    Remedy{"NameError", "define or import every name before using it"},
    Remedy{"UnboundLocalError", "assign the variable on every path before reading it"},
    Remedy{"of undefined", "make sure that the object exists (optional chaining, a default or an early return) before reading its properties"},
    Remedy{"of null", "make sure that the object is not null before reading its properties"},
    Remedy{"is not a function", "check that the value is a function and is exported under that name before calling it"},
    Remedy{"is not defined", "declare or import every name before using it"},
    Remedy{"Cannot find module", "use the right relative path with its extension, and declare the dependency before importing it"},
    Remedy{"ECONNREFUSED", "don't assume that a server is running: start it, wait until it accepts connections, or inject a fake"},
    Remedy{"E0382", "borrow or clone the value instead of using it after it was moved"},
    Remedy{"E0502", "end the immutable borrow before borrowing mutably: limit its scope, or copy out what is needed"},
    Remedy{"E0499", "keep one mutable borrow at a time: limit its scope"},
    Remedy{"E0106", "name the lifetime explicitly, or return an owned value"},
    Remedy{"E0277", "make the types implement the trait that is asked for, or convert them before the call"},
    Remedy{"E0308", "make the expression's type equal to the declared one, with an explicit conversion"},
    Remedy{"E0425", "declare the name or bring it into scope with `use` before using it"},
    Remedy{"E0433", "bring the type into scope with `use`, or declare the crate"},
    Remedy{"E0061", "pass exactly the arguments that the function's signature asks for"},
    Remedy{"`Result::unwrap()`", "handle the Err case with `?` or match instead of unwrap()"},
    Remedy{"`Option::unwrap()`", "handle the None case with match, if let or ok_or instead of unwrap()"},
    Remedy{"with overflow", "use checked_, saturating_ or wrapping_ arithmetic, and test the limits"},
    Remedy{"TS2339", "use only properties that the type declares, or extend the type"},
    Remedy{"TS2304", "declare or import every name before using it"},
    Remedy{"TS2307", "use the right module path and install its type declarations"},
    Remedy{"TS2322", "make the value's type assignable to the declared one"},
    Remedy{"TS2345", "pass an argument of the parameter's type"},
    Remedy{"TS2554", "pass exactly the arguments that the signature asks for"},
    Remedy{"TS7006", "annotate every parameter with its type"},
    Remedy{"TS18047", "check for null before using the value"},
    Remedy{"TS2531", "check for null before using the value"},
    Remedy{"(on base: 'Nil'", "make sure that the node exists (is_instance_valid, a null check) before using it"},
    Remedy{"no longer supported in React", "make a root with createRoot or hydrateRoot from react-dom/client, and call its render", R"(\bReactDOM\.(?:render|hydrate)\()"},
    Remedy{"as a React child", "render strings, numbers or elements; map an object to elements first"},
    Remedy{"Element type is invalid", "check that the component is exported and imported under the same kind of export (default or named)"},
    Remedy{"undefined reference", "define the symbol, or link the library or object file that defines it"},
    Remedy{"Invalid isoformat string", "parse dates only after checking their format, and handle ValueError: datetime.fromisoformat takes ISO 8601 alone"},
    Remedy{"invalid literal for int", "check that the text is a number before int(), and handle ValueError"},
    Remedy{"concurrent map", "guard the map with a sync.Mutex, or give it to one goroutine"},
    Remedy{"nil map", "make the map before writing to it"},
    Remedy{"all goroutines are asleep", "make sure that every send has a receiver and every lock is released; close channels on the sender's side"},
    Remedy{"declared and not used", "remove the variable, or use it; assign to _ what is not needed"},
    Remedy{"imported and not used", "remove the import; run goimports before handing in"},
    Remedy{"missing return", "return a value on every path of the function"},
    Remedy{"undefined: ", "declare the name or import its package before using it"},
    Remedy{"has no field or method", "read the type's definition, and use only fields and methods that it has"},
    Remedy{"interface conversion", "use the two-value form of the type assertion, and handle the false case"},
    Remedy{"ClassCastException", "check with instanceof before casting, or make the type generic"},
    Remedy{"NumberFormatException", "check that the text is a number before parsing it, and handle the exception"},
    Remedy{"ConcurrentModificationException", "remove through the iterator or removeIf, not from the collection that is being walked"},
    Remedy{"ArrayIndexOutOfBounds", "check the length before indexing, and handle the empty case"},
    Remedy{"OutOfMemoryError", "process the data in pieces instead of holding all of it"},
    Remedy{"cannot find symbol", "declare the name, import its class, and check its spelling before using it"},
    Remedy{"incompatible types", "convert the value explicitly, or declare the variable with the value's type"},
    Remedy{"unreported exception", "catch the checked exception, or declare it in the method's throws clause"},
    Remedy{"multiple definition", "define each symbol in one source file only; declare it extern or inline in headers"},
    Remedy{"implicit declaration", "include the header that declares the function, or declare it before calling it"},
    Remedy{"undeclared", "declare the name or include its header before using it"},
    Remedy{"has no member named", "read the type's definition, and use only members that it has"},
    Remedy{"no member named", "read the type's definition, and use only members that it has"},
    Remedy{"too few arguments", "read the function's declaration, and pass every argument"},
    Remedy{"no matching function", "pass arguments of the types that one of the overloads takes"},
    Remedy{"read-only", "work on a copy, or take the parameter without const"},
    Remedy{"const-qualified", "work on a copy, or take the parameter without const"},
    Remedy{"abstract class", "implement every pure virtual function before making an object"},
    Remedy{"expected ';'", "end each statement with a semicolon, and compile before handing in"},
    Remedy{"Merge conflict", "pull first, solve the conflict by reading both sides, leave no marker in the file, and run the tests before committing", R"((?m)^(?:<{7}|>{7}) \S)"},
    Remedy{"would be overwritten", "commit or stash local changes before switching branches or pulling"},
    Remedy{"pathspec", "list the branches and files first, and name one that exists"},
    Remedy{"No configured push destination", "set the upstream once: git push -u origin BRANCH"},
    Remedy{"does not appear to be a git repository", "check the remote's address with git remote -v before pushing"},
    Remedy{"unbound variable", "give the variable a default (${NAME:-}) or set it before use"},
    Remedy{"No rule to make target", "name a target that the Makefile defines, and create the files that it depends on"},
    Remedy{"unexpected end of file", "close every if, loop, quote and here-document; check with bash -n"},
    Remedy{"Missing script", "list the scripts of package.json first, and run one that exists"},
    Remedy{"is assigned a value but never used", "remove what is not used; run the linter before handing in"},
    Remedy{"Assignment to constant", "declare with let what is assigned again"},
    Remedy{"nil pointer dereference", "check for nil and for the returned error before using the value"},
    Remedy{"index out of", "check the length before indexing, and handle the empty case"},
    Remedy{"out of range", "check the length before indexing, and handle the empty case"},
    Remedy{"NullPointerException", "check for null where the value is produced, or use Optional"},
    Remedy{"command not found", "use only commands that are installed, and check for them first"},
    Remedy{"ermission denied", "write only where the task may write, and set the file's mode before running it"},
    Remedy{"imed out", "bound the wait, and make the awaited condition certain before relying on it"},
    Remedy{"not a git repository", "run git inside the project's checkout"},
};

// When only the tool is known: the step that would have shown the fault before it was handed in.
std::string_view family_remedy(Family family) {
  switch (family) {
    case Family::Python: return "run the changed code path once with real input, and handle this error where the value comes from";
    case Family::Pytest: return "run the failing test alone with pytest -x, and make the code return what its assertion expects";
    case Family::Jest: return "run the failing test alone with jest -t, and make the code return what its assertion expects";
    case Family::Rustc: return "run cargo check, and follow the compiler's first error and its help lines";
    case Family::RustPanic: return "return a Result instead of panicking, and test the input that leads here";
    case Family::TypeScript: return "run tsc --noEmit, and mend the first error before the others";
    case Family::Node: return "run the changed code path once with node, and guard the value that the message names";
    case Family::Eslint: return "run eslint, and mend what it reports instead of disabling the check";
    case Family::Npm: return "read package.json first, and run only scripts and packages that it names";
    case Family::Godot: return "check that nodes and resources exist before use, and run the scene once headless";
    case Family::Go: return "run go vet and go test ./..., and handle every returned error";
    case Family::Java: return "run the tests, and check the value that the exception names before using it";
    case Family::Compiler: return "compile with warnings as errors, and mend the first error before the others";
    case Family::Git: return "look at git status and git branch -a before the command, and name what exists";
    case Family::Shell: return "check with command -v and test -e that what the command needs is there, and stop at the first error (set -euo pipefail)";
    case Family::Build: return "run the build from a clean folder, and mend the first error that it prints";
    case Family::General: return "find the first line of the log that names this error, and remove its cause before repeating the step";
  }
  return "find the first line of the log that names this error, and remove its cause before repeating the step";
}

const Remedy* remedy_of(std::string_view cause) {
  for (const auto& remedy : kRemedies)
    if (contains(cause, remedy.sign)) return &remedy;
  return nullptr;
}

}  // namespace

std::string_view remedy_for(Family family, std::string_view cause) {
  const Remedy* found = remedy_of(cause);
  return found != nullptr ? found->text : family_remedy(family);
}

std::string_view check_for(std::string_view cause) {
  const Remedy* found = remedy_of(cause);
  return found != nullptr ? found->must_not_match : std::string_view();
}

std::vector<std::string_view> template_checks() {
  std::vector<std::string_view> all;
  for (const auto& remedy : kRemedies)
    if (!remedy.must_not_match.empty()) all.push_back(remedy.must_not_match);
  return all;
}

namespace {

// A cause as it may stand between double quotes: nothing in it ends them or opens a block.
std::string quotable(std::string_view cause) {
  std::string out = printable(cause, 300);
  std::replace(out.begin(), out.end(), '"', '\'');
  for (std::size_t at; (at = out.find("```")) != std::string::npos;) out.replace(at, 3, "'");
  return out;
}

}  // namespace

std::string rule_from_template(const KindText& kind) {
  std::string text(remedy_for(kind.family, kind.cause));
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  text += ". Otherwise";
  if (!kind.stack.empty()) text += " " + printable(kind.stack, 40) + " tasks fail with";
  else text += " tasks fail with";
  return text + " \"" + quotable(kind.cause) + "\".";
}

}  // namespace swarm::analyst::domain
