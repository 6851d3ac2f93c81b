// Which version of this software is running.
#pragma once

namespace ebm {

// "0.1 (3d90b4d1)": the project's version and, where it was built in a git checkout, the commit, with "-dirty" where files
// had been changed. Lives as long as the program.
const char* version();

}  // namespace ebm
