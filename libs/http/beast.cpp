// Beast is compiled here, once; everywhere else its headers only declare (BOOST_BEAST_SEPARATE_COMPILATION).
#include <boost/beast/src.hpp>
