# bartizan_tests(NAME...): these tests of add_test or gtest_add_tests run under Bartizan. Each process that makes a mistake
# ends with status 99 and leaves its report in BARTIZAN_REPORTS.
find_library(BARTIZAN_LIBRARY bartizan REQUIRED)
set(BARTIZAN_REPORTS ${CMAKE_BINARY_DIR}/reports CACHE PATH "where Bartizan writes reports")
set(BARTIZAN_OPTIONS profile=debug:exit_summary=off CACHE STRING "options of Bartizan for tests")

function(bartizan_tests)
  file(MAKE_DIRECTORY ${BARTIZAN_REPORTS})
  set(options ${BARTIZAN_OPTIONS}:on_error=exit:exit_code=99:report_format=json)
  set_property(TEST ${ARGN} APPEND PROPERTY ENVIRONMENT
    LD_PRELOAD=${BARTIZAN_LIBRARY}
    BARTIZAN_OPTIONS=${options}:report_file=${BARTIZAN_REPORTS}/%p.json)
endfunction()
