# Defects that the simulator must find. Each is one change of one source file; the changed file is compiled into a
# simulator of its own (it replaces the library's object, whose symbols are then all defined), which must report a
# violation. A change that no longer applies stops the configuration, so the list can't rot.
if(SWARM_SANITIZE)
  return()
endif()

function(planted_defect name file search replace)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/src/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} text)
  string(FIND "${text}" "${search}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "planted defect ${name}: ${file} no longer holds: ${search}")
  endif()
  string(REPLACE "${search}" "${replace}" changed "${text}")
  set(out ${CMAKE_CURRENT_BINARY_DIR}/planted/${name}.cpp)
  file(CONFIGURE OUTPUT ${out} CONTENT "${changed}" @ONLY)
  set(program orchestrator-simulate-${name})
  add_executable(${program} ${out} ${CMAKE_CURRENT_SOURCE_DIR}/src/testing/simulate_main.cpp)
  target_link_libraries(${program} PRIVATE orchestrator_simulator)
  target_compile_options(${program} PRIVATE -O1 -w)
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME orchestrator_planted_${name} COMMAND ${program} --expect-violation 1 300 10000)
  set_tests_properties(orchestrator_planted_${name} PROPERTIES TIMEOUT 600)
endfunction()

planted_defect(skipped_fence domain/task_engine_results.cpp
  "if (current && has_lease(now.status)) return accept" "if (has_lease(now.status)) return accept")
planted_defect(forgotten_result domain/task_engine_results.cpp
  "state.results.push_back({token, result.digest, state.status});" "")
planted_defect(answer_without_changes application/commit_pipeline.cpp
  "  engine_.seal(*building_);\n  committing_ = building_;" "  committing_ = building_;")
planted_defect(lost_wake_up domain/task_engine.cpp
  "  offer(task);\n" "")
planted_defect(double_requeue domain/task_engine.cpp
  "if (state.status == TaskStatus::Queued) ready_.erase(requirements(task), task.position);" "")
planted_defect(half_rollback application/commit_pipeline.cpp
  "if (task) engine_.restore(std::move(*task), now);\n  }\n  engine_.recovered(now);" "}\n  engine_.recovered(now);")
planted_defect(old_lease_revived domain/task_engine.cpp
  "  task.taken_back = false;\n" "")
planted_defect(retry_forgotten domain/task_engine.cpp
  "  task.wake = now_.boot + delay;\n" "")
planted_defect(dependents_forgotten domain/task_engine.cpp
  "  release_dependents(task);\n" "")
planted_defect(active_miscounted domain/task_engine.cpp
  "  --active_;\n" "")
planted_defect(waiting_agents_forgotten application/commit_pipeline.cpp
  "  engine_.rematch(now, random, *building_);\n" "")
planted_defect(recovered_lease_without_end domain/task_engine_recovery.cpp
  "  enter(task);\n  arm(task);" "  enter(task);")
planted_defect(evicted_before_commit domain/task_engine_recovery.cpp
  "if (final && (task->finished_in_batch > committed_batch || task->dirty)) return;" "")
