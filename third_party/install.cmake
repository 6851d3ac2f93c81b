# cmake --install: the programs, and the engine as a package that other projects find (examples/train_and_sample). What it
# links with is found again there, by the same lines as here.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(EBM_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/ebm)

set(EBM_INSTALLED ebm_options ebm_core ebm_kernels ebm_autograd ebm_models ebm_files ebm_train)
set(EBM_FIND_CUDA "")
if(EBM_HAVE_CUDA)
  list(APPEND EBM_INSTALLED ebm_cuda_libs)
  set(EBM_FIND_CUDA "find_dependency(CUDAToolkit)\n")
endif()
install(TARGETS ${EBM_INSTALLED} EXPORT ebm-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS train_ebm_vae ebm_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET ebm_mpi)  # beside the programs, which look for it there
  install(TARGETS ebm_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(EXPORT ebm-targets NAMESPACE ebm:: DESTINATION ${EBM_PACKAGE_DIR})
install(DIRECTORY core kernels autograd models train DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ebm
  FILES_MATCHING PATTERN "*.h")
install(PROGRAMS tools/scripts/open_run.py DESTINATION ${CMAKE_INSTALL_DATADIR}/ebm)
install(FILES tools/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ebm)
install(FILES tools/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME train_ebm_vae)

file(WRITE ${PROJECT_BINARY_DIR}/ebm-config.cmake
  "include(CMakeFindDependencyMacro)\n"
  "include(\${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake)\n"
  "${EBM_FIND_CUDA}"
  "include(\${CMAKE_CURRENT_LIST_DIR}/ebm-targets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ebm-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ebm-config.cmake ${PROJECT_BINARY_DIR}/ebm-config-version.cmake
  third_party/dependencies.cmake DESTINATION ${EBM_PACKAGE_DIR})
