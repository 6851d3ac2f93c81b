# Makes page/ into EBM_REPORT_PAGE, a C++ source of strings: the programs need no file beside them.
# CMake runs again when one of the files changes.
set(EBM_PAGE_FOLDER ${CMAKE_CURRENT_LIST_DIR}/page)
set(EBM_REPORT_PAGE ${CMAKE_CURRENT_BINARY_DIR}/report_page.cpp)

function(ebm_read_page variable)
  set(joined "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${EBM_PAGE_FOLDER}/${file})
    file(READ ${EBM_PAGE_FOLDER}/${file} text)
    string(APPEND joined "${text}")
  endforeach()
  set(${variable} "${joined}" PARENT_SCOPE)
endfunction()

ebm_read_page(EBM_PAGE_HEAD head.html)
ebm_read_page(EBM_PAGE_STYLE style.css)
ebm_read_page(EBM_PAGE_BODY body.html)
ebm_read_page(EBM_PAGE_SCRIPT
  elements.js state.js summary.js samples.js scale.js view.js chart.js export.js scores.js curves.js results.js pictures.js
  settings.js live.js page.js tail.html)
configure_file(${CMAKE_CURRENT_LIST_DIR}/report_page.cpp.in ${EBM_REPORT_PAGE} @ONLY)
