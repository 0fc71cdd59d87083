// The Boost.Asio loop inside a StreamLoop, for the files that give Boost.Beast its executor.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace crisp {

struct AsioLoop {
  // One thread runs it: no locks for what only that thread touches.
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

}  // namespace crisp
