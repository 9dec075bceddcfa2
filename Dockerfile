# The service alone, without torch.
#   CPU:          docker build --tag convoy .
#   NVIDIA cards: docker build --tag convoy:cuda --build-arg PROVIDER=cuda .
# The wheels bring CUDA and cuDNN with them, so that both stand on the same base; the driver comes from the host.
ARG PYTHON=python:3.11.16-slim-bookworm

FROM ${PYTHON} AS build
ARG PROVIDER=cpu
WORKDIR /source
# The environment goes into the image without pip: nothing in there installs anything.
RUN python -m venv --without-pip /opt/convoy
COPY pyproject.toml constraints.txt ./
COPY service/__init__.py service/
# A layer of their own for what changes seldom; the project names its README and does not build without one.
RUN touch README.md \
 && python -m pip --python /opt/convoy install --no-cache-dir --disable-pip-version-check \
      --constraint constraints.txt ".[${PROVIDER}]"
COPY service service
RUN python -m pip --python /opt/convoy install --no-cache-dir --disable-pip-version-check --no-deps --force-reinstall .

FROM ${PYTHON}
LABEL org.opencontainers.image.title="convoy" \
      org.opencontainers.image.description="Classes, masks and class activation maps of images over HTTP."
COPY --from=build /opt/convoy /opt/convoy
# For products of large matrices, which there are none of here, numpy would start a thread per core of the host.
ENV PATH=/opt/convoy/bin:$PATH \
    OPENBLAS_NUM_THREADS=1 \
    CONVOY_HOST=0.0.0.0 \
    CONVOY_REPOSITORY=/models
# Nobody's: no file in the image belongs to it, and it needs no home.
USER 10001:10001
WORKDIR /tmp
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 CMD ["python", "-c", \
    "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('CONVOY_PORT', 3000)), timeout=4); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "service"]
