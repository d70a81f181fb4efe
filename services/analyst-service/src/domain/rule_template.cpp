#include "domain/rule_template.hpp"

#include <array>

#include "domain/rule_check.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

struct Remedy {
  std::string_view sign;  // part of the masked cause
  std::string_view text;
};

// The first sign that fits decides, so the narrower one stands before the wider one.
constexpr std::array kRemedies = {
    Remedy{"offset-naive and offset-aware", "make every datetime aware: use datetime.now(timezone.utc), and attach a time zone to parsed values before comparing or subtracting them"},
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
    Remedy{"RecursionError", "give the recursion a base case that is always reached, or use a loop"},
    Remedy{"Maximum call stack", "give the recursion a base case that is always reached, or use a loop"},
    Remedy{"stack overflow", "give the recursion a base case that is always reached, or use a loop"},
    Remedy{"ZeroDivisionError", "handle a zero divisor before dividing"},
    Remedy{"ivision by zero", "handle a zero divisor before dividing"},
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
    Remedy{"as a React child", "render strings, numbers or elements; map an object to elements first"},
    Remedy{"Element type is invalid", "check that the component is exported and imported under the same kind of export (default or named)"},
    Remedy{"undefined reference", "define the symbol, or link the library or object file that defines it"},
    Remedy{"nil pointer dereference", "check for nil and for the returned error before using the value"},
    Remedy{"index out of", "check the length before indexing, and handle the empty case"},
    Remedy{"out of range", "check the length before indexing, and handle the empty case"},
    Remedy{"NullPointerException", "check for null where the value is produced, or use Optional"},
    Remedy{"command not found", "use only commands that are installed, and check for them first"},
    Remedy{"ermission denied", "write only where the task may write, and set the file's mode before running it"},
    Remedy{"imed out", "bound the wait, and make the awaited condition certain before relying on it"},
    Remedy{"not a git repository", "run git inside the project's checkout"},
};

std::string_view family_remedy(Family family) {
  switch (family) {
    case Family::Pytest:
    case Family::Jest: return "run the tests before handing in, and make the code return what the assertion expects";
    case Family::Rustc:
    case Family::TypeScript:
    case Family::Compiler: return "compile before handing in, and fix the first error first";
    case Family::Eslint: return "run the linter before handing in";
    case Family::Npm: return "check package.json and the scripts before running them";
    default: return "reproduce this failure first, and check for its cause before handing in";
  }
}

}  // namespace

std::string_view remedy_for(Family family, std::string_view cause) {
  for (const auto& remedy : kRemedies)
    if (contains(cause, remedy.sign)) return remedy.text;
  return family_remedy(family);
}

std::string rule_from_template(const KindText& kind) {
  std::string text = "Avoid \"" + printable(kind.cause, 300) + "\"";
  if (!kind.stack.empty()) text += " (" + printable(kind.stack, 40) + ")";
  text += ": ";
  text += remedy_for(kind.family, kind.cause);
  text += '.';
  return text;
}

}  // namespace swarm::analyst::domain
