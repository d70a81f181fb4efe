#pragma once

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

#include "libs/base/error.hpp"

namespace swarm {

/// A value or the reason why there is none. Asking for the wrong one of the two ends the process.
///   Result<int> f();                    // return 7;  or  return Error{Code::NotFound, "no task id=…"};
///   BOOST_OUTCOME_TRY(auto x, f());     // passes an error on
/// Return `outcome::success()` from a function of Result<void>.
template <class T, class E = Error>
using Result = boost::outcome_v2::basic_result<T, E, boost::outcome_v2::policy::terminate>;

namespace outcome = boost::outcome_v2;

}  // namespace swarm
