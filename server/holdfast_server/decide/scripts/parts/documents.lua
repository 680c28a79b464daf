-- documents.lua: live documents as this tick sees them, and what the ledger recalled of documents and reservations that
-- have ended.
--
-- What has ended is not kept here. A command that names it is answered with RECALL; the decider looks it up in the
-- ledger and sends the command again, with the image and the position of the ledger in which it was found. Whatever ended
-- or changed after its end since `recall_floor` is remembered here, so an image from a position not below the floor is
-- the newest unless it is remembered.

local Documents = made_when_used(function(Documents)

local document_cache, changed_documents = {}, {}
local remembered, newly_remembered = {}, {}
Documents.RESERVATION = 0

local LIVE_DOCUMENT = {
  [PAPER.INBOUND] = { [PAPER_STATE.INBOUND.EXPECTED] = true },
  [PAPER.TRANSFER] = { [PAPER_STATE.TRANSFER.IN_TRANSIT] = true },
  [PAPER.RETURN] = { [PAPER_STATE.RETURN.IN_INSPECTION] = true },
  [PAPER.INCIDENT] = { [PAPER_STATE.INCIDENT.OPEN] = true, [PAPER_STATE.INCIDENT.RESOLVED] = true },
  [PAPER.PARKED] = { [PAPER_STATE.PARKED.WAITING] = true },
  [PAPER.POSTING] = {},
  [PAPER.SPLIT] = { [PAPER_STATE.SPLIT.OPEN] = true },
}

local function is_live_document(document)
  return LIVE_DOCUMENT[document[DOCUMENT.kind]][document[DOCUMENT.state]]
end

function Documents.key(kind, id)
  return kind .. '|' .. id
end

-- Returns what the ledger recalled for a command, by its key.
local function by_key(command)
  local recalled = command.by_key
  if not recalled then
    recalled = {}
    for _, one in ipairs(command[COMMAND.recalled]) do
      recalled[Documents.key(one[1], one[2])] = one
    end
    command.by_key = recalled
  end
  return recalled
end

-- Returns the newest image of something that is not live: false if there never was such a thing, nil if that is not
-- known here and must be recalled.
function Documents.image(kind, id, command)
  local key = Documents.key(kind, id)
  local image = remembered[key]
  if image == nil then
    image = redis.call('HGET', KEYS[KEY.recalled], key) or false
    remembered[key] = image
  end
  if image then
    return cmsgpack.unpack(image)
  end
  local recalled = by_key(command)[key]
  if recalled and recalled[3] >= head.recall_floor then
    return recalled[4] ~= '' and cmsgpack.unpack(recalled[4])
  end
  return nil
end

function Documents.remember(kind, id, packed)
  local key = Documents.key(kind, id)
  remembered[key], newly_remembered[key] = packed, packed
end

-- Returns the live document; or nil, the result that the command gets, and 'ABSENT' if there never was one.
function Documents.find(kind, id, command)
  local key = Documents.key(kind, id)
  local document = document_cache[key]
  if document == nil then
    local packed = redis.call('HGET', KEYS[KEY.documents], key)
    document = packed and cmsgpack.unpack(packed) or false
    document_cache[key] = document
  end
  if document then
    return document
  end
  local image = Documents.image(kind, id, command)
  if image == false then
    return nil, refuse('UNKNOWN_DOCUMENT', kind, id), 'ABSENT'
  end
  if image == nil or is_live_document(image) then
    return nil, { 'RECALL', kind, id }
  end
  return nil, refuse('DOCUMENT_CLOSED', kind, id)
end

-- Returns nil if there never was such a document, else the result that a command gets which would create it.
function Documents.in_the_way(kind, id, command)
  local document, result, why = Documents.find(kind, id, command)
  if why == 'ABSENT' then
    return nil
  end
  if document or result[1] == 'REFUSED' then
    return refuse('DOCUMENT_EXISTS', kind, id)
  end
  return result
end

-- Makes a document in its first state; what its kind does not have is filled in by the caller.
function Documents.make(kind, id, lines)
  local document = {}
  document[DOCUMENT.kind], document[DOCUMENT.document_id] = kind, id
  document[DOCUMENT.version], document[DOCUMENT.state] = 0, 1
  document[DOCUMENT.location], document[DOCUMENT.origin] = '', ''
  document[DOCUMENT.channel], document[DOCUMENT.order_id], document[DOCUMENT.reservation_id] = '', '', ''
  document[DOCUMENT.expected_us], document[DOCUMENT.create_us], document[DOCUMENT.update_us] = 0, now_us, now_us
  document[DOCUMENT.position], document[DOCUMENT.flag], document[DOCUMENT.seen_position] = 0, 0, 0
  document[DOCUMENT.resolution], document[DOCUMENT.note], document[DOCUMENT.lines] = 0, '', lines
  return document
end

-- Tells ATP what is open of an inbound plan or a transfer.
local function expect_document(document)
  local kind = document[DOCUMENT.kind]
  if kind == PAPER.INBOUND or kind == PAPER.TRANSFER then
    local key = Documents.key(kind, document[DOCUMENT.document_id])
    for _, line in ipairs(document[DOCUMENT.lines]) do
      Supply.expect(line[PAPER_LINE.INBOUND.sku], key, document[DOCUMENT.location], document[DOCUMENT.expected_us], line[PAPER_LINE.INBOUND.open])
    end
  end
end

-- Takes the change of a document into the operation, and returns it packed.
function Documents.keep(document, record)
  local kind, id = document[DOCUMENT.kind], document[DOCUMENT.document_id]
  local key = Documents.key(kind, id)
  document[DOCUMENT.version] = document[DOCUMENT.version] + 1
  document[DOCUMENT.update_us] = now_us
  document[DOCUMENT.position] = record[RECORD.position]
  expect_document(document)
  local packed = cmsgpack.pack(document)
  if is_live_document(document) then
    if document[DOCUMENT.version] == 1 then
      head.documents = head.documents + 1
    end
    document_cache[key], changed_documents[key] = document, packed
  else
    if document[DOCUMENT.version] > 1 then
      head.documents = head.documents - 1
    end
    document_cache[key], changed_documents[key] = false, false
    -- No command names a posting.
    if kind ~= PAPER.POSTING then
      Documents.remember(kind, id, packed)
    end
  end
  local images = record[RECORD.documents]
  if images == NOTHING then
    images = {}
    record[RECORD.documents] = images
  end
  images[#images + 1] = packed
  return packed
end

-- Opens an incident about the units that lines of a reservation are missing, in the order of layouts.py DOCUMENT_LINES. Its
-- id ends in the position at which it was opened.
function Documents.open_incident(record, reservation, kind, missing, seen_position)
  local id = segment .. '-incident-' .. digits(record[RECORD.position])
  local incident = Documents.make(PAPER.INCIDENT, id, missing)
  incident[DOCUMENT.flag] = kind
  incident[DOCUMENT.channel] = reservation[RESERVATION.channel]
  incident[DOCUMENT.order_id] = reservation[RESERVATION.order_id]
  incident[DOCUMENT.reservation_id] = reservation[RESERVATION.reservation_id]
  incident[DOCUMENT.seen_position] = seen_position
  Documents.keep(incident, record)
  return id
end

function Documents.write()
  write_changes(KEYS[KEY.documents], changed_documents)
  local count = 0
  for key in pairs(newly_remembered) do
    if redis.call('HEXISTS', KEYS[KEY.recalled], key) == 0 then
      count = count + 1
    end
  end
  if head.recalled + count > limits.max_recalled then
    redis.call('UNLINK', KEYS[KEY.recalled])
    head.recalled, head.recall_floor, count = 0, first_position - 1, #keys_of(newly_remembered)
  end
  head.recalled = head.recalled + count
  write_changes(KEYS[KEY.recalled], newly_remembered)
end

end)
