# The Linux process and memory labs. `make` lists what can be done here.
LABS := $(patsubst %/,%,$(wildcard lab0*/))
lab = $(filter $(1)-%,$(LABS))

# What a user gives is data: it goes to the grader through the environment, past make and the shell.
unexport SUBMISSION TASK
export LABS_SUBMISSION := $(value SUBMISSION)
export LABS_TASK := $(value TASK)
options = $(if $(filter command environment,$(origin SUBMISSION)),--submission "$$LABS_SUBMISSION") \
  $(if $(filter command environment,$(origin TASK)),--task "$$LABS_TASK")

# make has one status for all that fails, 2. Run as a question (-q), it passes on the status 1 of a recipe that
# begins with +, without a word. So 1 means that a check failed, 2 that no grade was possible; beside other targets,
# which a question would not run, it is 2 for both.
ifneq ($(filter check lab0%,$(MAKECMDGOALS)),)
ifeq ($(filter-out check lab0% vm selftest,$(MAKECMDGOALS)),)
MAKEFLAGS += -q
endif
endif

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -nE 's/^([a-z0-9 -]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | \
	  awk -F'|' '{ sub(/ .* /, " .. ", $$1); printf "%-20s%s\n", $$1, $$2 }'

setup: ## install by name what is missing (apt; sudo when not root)
	@sh grader/setup

lab01 lab02 lab03 lab04 lab05: ## build, run, grade one lab; TASK=2 or TASK=2.3 for a part
	+@grader/grade --show $(options) $(call lab,$@)

check: ## grade every lab of this tree, or of SUBMISSION=DIR
	+@grader/grade $(options) $(LABS)

vm: ## make the lab VM, a guest; `make vm lab02` grades a lab in it
	+@grader/vm/vm build

vm-shell: ## a shell in the lab VM, with this tree and its programs
	@$(call static,$(LABS))
	@grader/vm/vm shell .

ifneq ($(filter vm,$(MAKECMDGOALS)),)
export VM = 1
lab01 lab02 lab03 lab04 lab05 check: vm
endif

# The programs of these labs, linked so that they run in the lab VM too.
static = for lab in $(1); do $(MAKE) -s -B -C $$lab LDFLAGS=-static || exit; done

# those of lab01 and lab04 in the lab VM
demo01 demo04: ## a lab's demonstration for a room: demo01 to demo05
	@$(call static,$(call lab,$(@:demo%=lab%)))
	@grader/vm/vm run . "$(settings) bash $(call lab,$(@:demo%=lab%))/demo.sh"

demo02 demo03 demo05:
	@$(MAKE) -s -C $(call lab,$(@:demo%=lab%))
	@bash $(call lab,$(@:demo%=lab%))/demo.sh

settings = export $${PAUSE:+PAUSE=$$PAUSE} $${NO_COLOR:+NO_COLOR=1} $$(! test -t 1 || echo CLICOLOR_FORCE=1) LC_ALL=C;

plot03: ## draw VSZ and RSS over the steps of lab03
	@$(MAKE) -s -C $(call lab,lab03)
	@bash $(call lab,lab03)/plot.sh

doctor: ## what this machine can grade, and the remedy for the rest
	@grader/doctor

clean: ## remove what was built
	rm -rf build
	@for lab in $(LABS); do $(MAKE) -s -C $$lab clean; done

.PHONY: help setup vm vm-shell plot03 check doctor clean
.PHONY: lab01 lab02 lab03 lab04 lab05 demo01 demo02 demo03 demo04 demo05

# What only the full tree can do.
-include grader/maintain.mk
