FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/hie
COPY requirements.lock .
RUN /opt/hie/bin/pip install --no-cache-dir -r requirements.lock
COPY . .
RUN /opt/hie/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
COPY --from=build /opt/hie /opt/hie
COPY config /site
RUN apt-get update -qq && apt-get install -qq --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hie \
    && install --directory --owner=hie --group=hie --mode=0700 /site/var
ENV PATH=/opt/hie/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HIE_SITE=/site
USER hie
WORKDIR /site
VOLUME /site/var
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["hie", "health"]
ENTRYPOINT ["hie"]
CMD ["run"]
