# Pulse: the extension is built with PGXS (PG_CONFIG=… picks the server), the worker with pkg-config.
PG_CONFIG ?= pg_config
export PG_CONFIG

# The extension goes where its server looks for it; from PostgreSQL 18 on PGXS would follow prefix instead.
worker_prefix := $(if $(prefix),prefix='$(prefix)')
MAKEOVERRIDES := $(filter-out prefix=%,$(MAKEOVERRIDES))

build: packages-build    ## build the extension and the worker
	$(MAKE) -C extension
	$(MAKE) -C worker

install: build           ## install both into this machine's PostgreSQL and /usr/local; prefix= DESTDIR=
	$(MAKE) -C extension install
	$(MAKE) -C worker install $(worker_prefix)

uninstall:               ## remove what install put there; databases, configuration and logs stay
	$(MAKE) -C extension uninstall
	$(MAKE) -C worker uninstall $(worker_prefix)

demo: packages-demo      ## a private server, a trading account and the dashboard; PORT= PRICES= SPEED=
	@tests/demo/demo.sh

check: packages-check    ## run every test; SUITE=name runs one
	@tests/lib/check.sh $(SUITE)

screenshots: packages-check build    ## take the README's pictures of the demo's account
	@tests/lib/npm.sh tests
	node tests/browser/screenshots.js worker/doc

installcheck:            ## run pg_regress against a running server that has the extension installed
	$(MAKE) -C extension installcheck

docs: packages-check     ## write the references anew, from the comments in the sources
	@tests/lib/docs.sh

bench: packages-check    ## measure speed and latency, beside bare references in the same run
	@tests/bench/bench.sh $(BENCH)

dist: packages-dist      ## write .build/pulse-X.Y.Z.tar.gz and .zip, the release with the page built
	@worker/contrib/dist.sh

deb: packages-deb        ## write Debian packages for the servers of this machine into .build/deb/
	@worker/contrib/deb.sh

clean:                   ## remove everything that was built
	$(MAKE) -C extension clean
	$(MAKE) -C worker clean
	rm -rf .build

help:                    ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## */\1\t/p' $(MAKEFILE_LIST)

# Installs what a target needs and this machine lacks; PULSE_NO_INSTALL=1 never installs.
packages-%:
	@tests/lib/packages.sh $*

.PHONY: build install uninstall demo check screenshots docs installcheck bench dist deb clean help
